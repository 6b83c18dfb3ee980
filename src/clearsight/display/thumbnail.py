"""`Thumbnail`: a small image as a data URL, for pages that are a single file."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

SHOWN_SIDE = 112  # pixels, the longer side of a thumbnail
_QUALITY = 80  # JPEG quality of large images


@dataclass(frozen=True)
class Thumbnail:
    """An image to be shown on a page.

    Attributes:
        data: a data URL.
        width: displayed width in pixels.
        height: displayed height in pixels.
        alt: its text alternative.
    """

    data: str
    width: int
    height: int
    alt: str = ""


def thumbnail(pixels: np.ndarray, alt: str = "", shown_side: int = SHOWN_SIDE) -> Thumbnail:
    """Make an image small enough for a page.

    Args:
        pixels: uint8 (H, W) or (H, W, C). Small images are stored unchanged as PNG and enlarged by
            the browser; large ones are shrunk and stored as JPEG, or as PNG if they have alpha.
        alt: its text alternative.
        shown_side: displayed length of the longer side in pixels.
    """
    is_grey = pixels.ndim == 3 and pixels.shape[-1] == 1
    image = Image.fromarray(pixels[..., 0] if is_grey else pixels)
    scale = shown_side / max(image.size)
    width, height = (max(round(side * scale), 1) for side in image.size)
    is_large = scale < 1
    if is_large:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    file_format = "JPEG" if is_large and image.mode != "RGBA" else "PNG"
    options = {"quality": _QUALITY} if file_format == "JPEG" else {"optimize": True}
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return Thumbnail(data_url(buffer.getvalue(), file_format), width, height, alt)


def data_url(encoded: bytes, file_format: str) -> str:
    """Return an encoded image as a data URL.

    Args:
        encoded: the image file's bytes.
        file_format: "PNG" or "JPEG".
    """
    text = base64.b64encode(encoded).decode("ascii")
    return f"data:image/{file_format.lower()};base64,{text}"
