"""Images as data URLs, small, for pages that are one file."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

SHOWN_SIDE = 112  # pixels, the longer side of a thumbnail
_QUALITY = 80  # of JPEG, which large thumbnails are stored in


@dataclass(frozen=True)
class Thumbnail:
    """An image to be shown.

    Attributes:
        data: a data URL.
        width: pixels, what to show it at.
        height: pixels, likewise.
        alt: what to say of it to those who do not see it.
    """

    data: str
    width: int
    height: int
    alt: str = ""


def thumbnail(pixels: np.ndarray, alt: str = "", shown_side: int = SHOWN_SIDE) -> Thumbnail:
    """Make an image small enough for a page.

    Args:
        pixels: uint8 (H, W) or (H, W, C); small ones stay as they are, as PNG, and are enlarged
            by the browser; large ones are shrunk and stored as JPEG, those with alpha as PNG.
        alt: what to say of it.
        shown_side: pixels, the longer side it is shown at.
    """
    is_grey = pixels.ndim == 3 and pixels.shape[-1] == 1
    image = Image.fromarray(pixels[..., 0] if is_grey else pixels)
    scale = shown_side / max(image.size)
    width, height = (max(round(side * scale), 1) for side in image.size)
    is_large = scale < 1
    if is_large:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    kind = "JPEG" if is_large and image.mode != "RGBA" else "PNG"
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": _QUALITY} if kind == "JPEG" else {"optimize": True}))
    return Thumbnail(data_url(buffer.getvalue(), kind), width, height, alt)


def data_url(encoded: bytes, kind: str) -> str:
    """Return the encoded bytes of an image of that kind, "PNG" or "JPEG", as a data URL."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(encoded).decode('ascii')}"
