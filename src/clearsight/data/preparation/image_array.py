"""`image_to_array`: a Pillow image as an upright array, converted some rows at a time.

Pillow copies pixels in pieces and joins these, so that a large image as a whole would be in memory
several times.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
from PIL import Image

_PIXELS_AT_ONCE = 1_000_000
_ORIENTATION = 0x0112  # EXIF's tag
_SIDEWAYS = (5, 6, 7, 8)  # its values that swap height and width
# For each of its other values than 1, the view of an upright array as it is stored in the file;
# what they mean: https://exiftool.org/TagNames/EXIF.html
_AS_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


def image_to_array(image: Image.Image) -> np.ndarray:
    """Convert a loaded image of any mode to an array, upright as its EXIF data say.

    Returns:
        uint8 (H, W, C), C is 1 for grey, 3 for RGB, 4 for RGB with alpha; or the values of a deep
        image as they are, (H, W, 1).
    """
    turned = _AS_STORED.get(_orientation(image))
    if turned is None and image.height <= _rows_at_once(image):
        return _convert(image)
    sample = _convert(image.crop((0, 0, 1, 1)))
    size = (image.width, image.height) if is_sideways(image) else (image.height, image.width)
    upright = np.zeros((*size, sample.shape[-1]), sample.dtype)
    add_image(upright, image)
    return upright


def add_image(upright: np.ndarray, image: Image.Image) -> None:
    """Add the values of a loaded image to `upright`, numbers (H, W, C), in place."""
    turned = _AS_STORED.get(_orientation(image))
    stored = upright if turned is None else turned(upright)
    for rows, strip in _strips(image):
        stored[rows] += strip


def is_sideways(image: Image.Image) -> bool:
    """Return whether EXIF data swap the height and width of an image."""
    return _orientation(image) in _SIDEWAYS


def _strips(image: Image.Image) -> Iterator[tuple[slice, np.ndarray]]:
    """Iterate over the rows of a loaded image, some at a time, each with its array, not turned."""
    num_rows = _rows_at_once(image)
    for top in range(0, image.height, num_rows):
        rows = slice(top, min(top + num_rows, image.height))
        is_whole = num_rows >= image.height
        yield rows, _convert(image if is_whole else image.crop((0, top, image.width, rows.stop)))


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation; 1, upright, without EXIF data or with damaged ones."""
    # Found without parsing them: most small images have none.
    has_exif = {"exif", "Raw profile type exif"} & image.info.keys() or image.format == "TIFF"
    if has_exif:
        with suppress(Exception):  # the image itself may be sound
            found = image.getexif().get(_ORIENTATION)
            return found if found in _AS_STORED else 1
    return 1


def _rows_at_once(image: Image.Image) -> int:
    return max(_PIXELS_AT_ONCE // max(image.width, 1), 1)


def _convert(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        return np.asarray(image)[..., None]
    has_alpha = image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info
    if has_alpha:
        return np.asarray(image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return np.asarray(image if image.mode == "L" else image.convert("L"))[..., None]
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
