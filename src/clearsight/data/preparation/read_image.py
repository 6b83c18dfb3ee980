"""Reading image files of any size and mode into uint8 arrays."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from clearsight.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_EXPECTED = "an image file (PNG, JPEG, WebP, BMP, GIF, TIFF or PNM)"

# What Pillow raises for damaged files, whatever their format; TypeError where a TIFF's tag is of
# another type than the format wants.
_DAMAGE = (OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error, zlib.error)

# What may be unpacked into memory: four bytes a pixel and some copies of them, so that an image
# takes less than half a gigabyte. JPEG files are made smaller while they are unpacked.
MOST_PIXELS = 50_000_000
_MOST_JPEG_PIXELS = 178_000_000  # Pillow opens nothing larger
_DRAFT_FACTOR = 2  # a JPEG file is unpacked at no less than this times the size it is wanted in


def read_image(
    source: Path | bytes, *, name: str | None = None, fit_for: tuple[int, int] | None = None
) -> np.ndarray:
    """Read an image the way a viewer shows it: upright, 8 bits, with its alpha kept.

    Args:
        source: an image file, or the content of one; of an animation the first frame is taken.
        name: what to call it in messages; by default the file's path.
        fit_for: height and width that it will be made smaller to, if it is larger; JPEG files are
            then unpacked at a fraction of their size, which is several times quicker.

    Returns:
        uint8 (H, W, C), 0..255: C is 1 for grey, 3 for RGB, 4 for RGB with alpha.

    Raises:
        DataError: when the file is absent, empty, no image, cut short or absurdly large.
    """
    return read_sized_image(source, name=name, fit_for=fit_for)[0]


def read_sized_image(
    source: Path | bytes, *, name: str | None = None, fit_for: tuple[int, int] | None = None
) -> tuple[np.ndarray, tuple[int, int]]:
    """Read an image as `read_image` does; also return the height and width that its file has."""
    if name is None:
        name = str(source) if isinstance(source, Path) else "The image"
    if isinstance(source, Path):
        if not os.path.lexists(source):
            raise DataError(f"{name} should be {_EXPECTED}, but there is no such file.")
        if source.is_dir():
            raise DataError(f"{name} should be {_EXPECTED}, but is a folder: name the files in it.")
    elif not source:
        raise DataError(f"{name} should be {_EXPECTED}, but is empty.")
    try:
        with _opened(source) as file:
            size = _upright_size(file)
            if fit_for is not None and file.format == "JPEG":
                _check_size(file, name, _MOST_JPEG_PIXELS)
                _draft(file, fit_for)
            _check_size(file, name, MOST_PIXELS)
            file.load()
            return _to_array(_upright(file)), size
    except Image.DecompressionBombError as error:
        raise DataError(_too_large(name, MOST_PIXELS, "far more")) from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{name} should be {_EXPECTED}, but its content is none of these."
        ) from error
    except _DAMAGE as error:
        raise DataError(
            f"{name} should be {_EXPECTED}, but is damaged or cut short ({error})."
        ) from error


def pillow_to_array(image: Image.Image, name: str) -> np.ndarray:
    """Turn an image of Pillow's into an array the way `read_image` does.

    Args:
        image: of any mode and size.
        name: what to call it in messages.

    Returns:
        uint8 (H, W, C), 0..255: C is 1, 3 or 4.

    Raises:
        DataError: when it is loaded from a file only now, and that is damaged; or absurdly large.
    """
    try:
        _check_size(image, name, MOST_PIXELS)
        image.load()
        return _to_array(_upright(image))
    except _DAMAGE as error:
        raise DataError(f"{name} should be {_EXPECTED}, but is damaged ({error}).") from error


def read_image_header(content: bytes) -> tuple[int, int, bool] | None:
    """Read an image's height, width and whether it is grey from its header alone.

    Returns:
        None when the header cannot be read.
    """
    try:
        with _opened(content) as file:
            height, width = _upright_size(file)
            is_grey = file.mode in ("1", "L") or file.mode.startswith(("I", "F"))
            return height, width, is_grey and "transparency" not in file.info
    except Exception:  # whatever is wrong is told when the image is read
        return None


_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257  # TIFF's tags
_ORIENTATION = 0x0112  # EXIF's tag
_LYING = (5, 6, 7, 8)  # its values that exchange height and width


def _opened(source: Path | bytes) -> Image.Image:
    with warnings.catch_warnings():
        # The size is checked here, by what it takes to unpack.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, "r", FORMATS)


def _check_size(file: Image.Image, name: str, most: int) -> None:
    if file.width * file.height > most:
        raise DataError(_too_large(name, most, f"{file.width:,} x {file.height:,}"))


def _too_large(name: str, most: int, found: str) -> str:
    return f"{name} should have at most {most:,} pixels, but has {found}: make it smaller first."


def _draft(file: Image.Image, fit_for: tuple[int, int]) -> None:
    """Have a JPEG file unpacked at a half, a quarter or an eighth, whichever still suffices."""
    # Turned images exchange height and width, so both must suffice for either.
    least = _DRAFT_FACTOR * max(fit_for)
    if min(file.size) >= 2 * least:  # a half suffices: without this look, small files take longer
        file.draft(None, (least, least))


def _upright_size(file: Image.Image) -> tuple[int, int]:
    """Return height and width as a viewer shows them, from the header alone."""
    height, width = file.height, file.width
    if isinstance(file, TiffImageFile):  # some versions turn these already, some do not
        width, height = file.tag_v2[_TIFF_WIDTH], file.tag_v2[_TIFF_HEIGHT]
    return (width, height) if _is_lying(file) else (height, width)


def _is_lying(image: Image.Image) -> bool:
    """Tell whether a file's EXIF data exchange its height and width."""
    if not _may_be_turned(image):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return image.getexif().get(_ORIENTATION, 1) in _LYING
        except Exception:  # damaged EXIF data of whatever kind: the image itself is sound
            return False


def _upright(image: Image.Image) -> Image.Image:
    """Turn a loaded image as its EXIF data says."""
    if not _may_be_turned(image):
        return image
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # damaged EXIF data of whatever kind: the image itself is sound
            return image


def _may_be_turned(file: Image.Image) -> bool:
    """Tell whether a file has EXIF data at all, without parsing it: most small images do not."""
    return "exif" in file.info or "Raw profile type exif" in file.info or file.format == "TIFF"


def _to_array(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        return _to_8_bits(np.asarray(image))[..., None]
    has_alpha = image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info
    if has_alpha:
        return np.asarray(image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    """Bring deep grey values to uint8: 16 bits by 257, floats in [0, 1] by 255.

    32-bit files often hold 8-bit values as they are, and so do floats above 1.
    """
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers")
    highest = values.max(initial=0)
    if np.issubdtype(values.dtype, np.floating):
        factor = 255.0 if highest <= 1.0 else 1.0
    else:
        factor = 1.0 if values.dtype.itemsize > 2 and highest <= 255 else 1.0 / 257.0
    return np.clip(np.rint(values * factor), 0, 255).astype(np.uint8)
