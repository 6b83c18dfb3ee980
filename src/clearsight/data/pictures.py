"""Reading picture files of any size and mode into uint8 arrays."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from clearsight.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_EXPECTED = "a picture file (PNG, JPEG, WebP, BMP, GIF or TIFF)"


def read_picture(path: Path) -> np.ndarray:
    """Read a picture the way a viewer shows it: upright, 8 bits, with its alpha kept.

    Args:
        path: a picture file; of an animation the first frame is taken.

    Returns:
        uint8 (H, W, C), 0..255: C is 1 for grey, 3 for RGB, 4 for RGB with alpha.

    Raises:
        DataError: when the file is absent, no picture, cut short or absurdly large.
    """
    if not os.path.lexists(path):
        raise DataError(f"{path} should be {_EXPECTED}, but there is no such file.")
    if path.is_dir():
        raise DataError(f"{path} should be {_EXPECTED}, but is a folder: name the files in it.")
    try:
        with warnings.catch_warnings():
            # Large photographs are fine; Pillow still refuses those past twice its limit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as file:
                picture = ImageOps.exif_transpose(file)
                picture.load()
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path} should be {_EXPECTED}, but its content is none of these."
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path} should have fewer than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels, but has "
            "more: make it smaller first."
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"{path} should be {_EXPECTED}, but is damaged or cut short ({error})."
        ) from error
    return _to_array(picture)


def _to_array(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):
        return _to_8_bits(np.asarray(picture))[..., None]
    has_alpha = picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info
    if has_alpha:
        return np.asarray(picture.convert("RGBA"))
    if picture.mode in ("1", "L"):
        return np.asarray(picture.convert("L"))[..., None]
    return np.asarray(picture.convert("RGB"))


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Bring deep grey values to uint8: 16 bits by 257, floats in [0, 1] by 255.

    32-bit files often hold 8-bit values as they are, and so do floats above 1.
    """
    highest = values.max(initial=0)
    if np.issubdtype(values.dtype, np.floating):
        factor = 255.0 if highest <= 1.0 else 1.0
    else:
        factor = 1.0 if values.dtype.itemsize > 2 and highest <= 255 else 1.0 / 257.0
    return np.clip(np.rint(values * factor), 0, 255).astype(np.uint8)
