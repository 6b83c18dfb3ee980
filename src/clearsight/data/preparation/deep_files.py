"""Values in files of 16 and 32 bits that Pillow alone would reduce or misread."""

import sys

import numpy as np
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from clearsight.errors import DataError

# Pillow's raw modes for 16-bit colour keep only the upper byte of each value. Each is mapped to the
# raw mode of the other byte order, with which Pillow keeps the lower byte instead.
_LOWER_BYTES = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B" if sys.byteorder == "little" else "RGB;16L",
}
_BITS_PER_SAMPLE, _PLANAR_CONFIGURATION, _SAMPLE_FORMAT = 258, 284, 339  # TIFF's tags
_SEPARATE, _UNSIGNED = 2, 1  # values of the last two


def raw_mode(file: Image.Image) -> str:
    """Return how Pillow will read the values of an image that is opened but not loaded."""
    tiles = getattr(file, "tile", None)
    args = tiles[0].args if tiles else ""
    return args if isinstance(args, str) else str(args[0] if args else "")


def has_lower_bytes(mode: str) -> bool:
    """Return whether Pillow reads only the upper 8 of 16 bits of an image with this `raw_mode`."""
    return mode in _LOWER_BYTES


def is_reduced(mode: str) -> bool:
    """Return whether only the upper 8 of 16 bits can be read: with alpha, and in CMYK."""
    return ";16" in mode and mode.startswith(("LA", "RGBA", "CMYK"))


def load_lower_bytes(file: Image.Image) -> Image.Image:
    """Load an opened image as the lower bytes of its values."""
    assert isinstance(file, ImageFile.ImageFile)
    mode = _LOWER_BYTES[raw_mode(file)]
    file.tile = [
        tile._replace(args=mode if isinstance(tile.args, str) else (mode, *(tile.args or ())[1:]))
        for tile in file.tile
    ]
    file.load()
    return file


def check_planes(file: Image.Image, name: str) -> None:
    """Raise `DataError` for a TIFF file with a plane for each colour of more than 8 bits.

    Pillow reads only the upper 8 bits of such a file, and wrong values if it is not compressed.
    """
    if isinstance(file, TiffImageFile) and file.tag_v2.get(_PLANAR_CONFIGURATION) == _SEPARATE:
        bits = file.tag_v2.get(_BITS_PER_SAMPLE, (8,))
        if len(bits) > 1 and max(bits) > 8:
            raise DataError(
                f"{name} should have the colours of each pixel next to each other, but has planes "
                f"of {max(bits)} bits: save it with contiguous colours, or as PNG."
            )


def restore_sign(values: np.ndarray, file: Image.Image) -> np.ndarray:
    """Return a loaded image's values as uint32 if they are, because Pillow loads them as int32.

    Args:
        values: int32 (H, W), or any others, which are returned unchanged.
        file: the image; a TIFF file declares whether its 32-bit values are unsigned.
    """
    if values.dtype == np.int32 and isinstance(file, TiffImageFile):
        bits = file.tag_v2.get(_BITS_PER_SAMPLE, (1,))
        if max(bits) == 32 and file.tag_v2.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
            return values.view(np.uint32)
    return values
