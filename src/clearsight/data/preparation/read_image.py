"""Reading image files of any size and mode into uint8 arrays."""

import io
import os
import struct
import warnings
import zlib
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from clearsight.data.image_suffixes import START_BYTES, extra_format, missing_reader
from clearsight.data.limits import MAX_IMAGE_BYTES, too_large
from clearsight.data.preparation.decoding_memory import Reserve
from clearsight.data.preparation.deep_files import (
    check_planes,
    has_lower_bytes,
    is_reduced,
    load_lower_bytes,
    raw_mode,
    restore_sign,
)
from clearsight.data.preparation.image_array import add_image, image_to_array, is_sideways
from clearsight.data.preparation.pixel_range import check_finite
from clearsight.data.preparation.tiff_errors import collect_tiff_errors
from clearsight.errors import DataError
from clearsight.io.regular_file import read_regular

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_EXPECTED = "an image file (PNG, JPEG, WebP, BMP, GIF, TIFF, PNM, AVIF or HEIC)"

# What Pillow raises for damaged files of any format; TypeError if a TIFF's tag has a wrong type,
# RuntimeError for AVIF and HEIC.
_DAMAGE = (
    *(OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error, zlib.error),
    RuntimeError,
)

# Limits of memory. JPEG files are made smaller while they are decoded; of progressive ones, all
# coefficients are in memory at once.
MAX_PIXELS = 50_000_000
_MAX_JPEG_PIXELS = 178_000_000  # Pillow opens nothing larger
_MAX_PROGRESSIVE_PIXELS = 80_000_000
_COEFFICIENT_BYTES = 8  # a pixel of four inks; six of three colours
# Of Pillow's image and the array that it becomes, with what decoders need, measured by
# tests/data/test_decoding_memory.py.
_BYTES_PER_PIXEL = {"1": 3, "L": 3, "I;16": 6, "WEBP": 18}  # by mode or format
_MAX_BYTES_PER_PIXEL = 12
_DRAFT_FACTOR = 2  # a JPEG file is decoded at no less than this times the final size


def read_image(
    source: Path | bytes,
    *,
    name: str | None = None,
    fit_for: tuple[int, int] | None = None,
    reserve: Reserve | None = None,
) -> "ImageInFile":
    """Read an image as a viewer shows it, upright and with alpha, but deep values as they are.

    Args:
        source: an image file's path or content; of an animation the first frame is read.
        name: what to call it in messages; by default the file's path.
        fit_for: height and width that it will be resized to; larger JPEG files are then decoded
            at a fraction of their size, which is several times faster.
        reserve: from `decoding_memory`, to wait there if the image is large.

    Raises:
        DataError: when the file is missing, empty, no image, cut short or absurdly large, or has
            values that are NaN or infinite.
    """
    name = name or (str(source) if isinstance(source, Path) else "The image")
    content = _read_file(source, name) if isinstance(source, Path) else source
    if not content:
        raise DataError(f"{name} should be {_EXPECTED}, but is empty.")
    if len(content) > MAX_IMAGE_BYTES:
        raise too_large(name, len(content))
    try:
        with _ignoring_warnings(), _open(content) as file:
            size = _upright_size(file)
            needed_bytes = len(content)
            if fit_for is not None and file.format == "JPEG":
                is_progressive = "progressive" in file.info
                most = _MAX_PROGRESSIVE_PIXELS if is_progressive else _MAX_JPEG_PIXELS
                _check_size(file, name, most)
                needed_bytes += _COEFFICIENT_BYTES * file.width * file.height * is_progressive
                _draft(file, fit_for)
            _check_size(file, name, MAX_PIXELS)
            check_planes(file, name)
            bytes_per_pixel = _BYTES_PER_PIXEL.get(
                file.format if file.format in _BYTES_PER_PIXEL else file.mode,
                _MAX_BYTES_PER_PIXEL,
            )
            if reserve is not None:
                reserve(needed_bytes + bytes_per_pixel * file.width * file.height)
            mode, has_more_frames = raw_mode(file), _has_more_frames(file)
            with collect_tiff_errors() if file.format == "TIFF" else nullcontext([]) as errors:
                file.load()
            pixels = restore_sign(image_to_array(file), file)
            file.close()  # frees its pixels
        check_finite(pixels, name)
        if has_lower_bytes(mode) and pixels.shape[-1] == 3:  # else a colour is transparent
            pixels = pixels.astype(np.uint16)
            pixels <<= 8
            _add_lower_bytes(pixels, content)
        return ImageInFile(
            pixels, size, has_more_frames, errors[0] if errors else None, is_reduced(mode)
        )
    except Image.DecompressionBombError as error:
        raise DataError(_too_large(name, MAX_PIXELS, "far more")) from error
    except UnidentifiedImageError as error:
        found = _describe_start(content[:START_BYTES])
        raise DataError(f"{name} should be {_EXPECTED}, but {found}.") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())  # some have several lines
        raise DataError(
            f"{name} should be {_EXPECTED}, but is damaged or cut short ({reason})."
        ) from error


def _read_file(path: Path, name: str) -> bytes:
    if not os.path.lexists(path):
        raise DataError(f"{name} should be {_EXPECTED}, but there is no such file.")
    if path.is_symlink() and not path.exists():
        raise DataError(
            f"{name} should be {_EXPECTED}, but is a link to {path.readlink()}, which does not "
            "exist."
        )
    if path.is_dir():
        raise DataError(f"{name} should be {_EXPECTED}, but is a folder: pass the files in it.")
    try:
        return read_regular(path, MAX_IMAGE_BYTES)
    except OSError as error:
        raise DataError(
            f"{name} should be {_EXPECTED}, but cannot be read: {error.strerror or error}."
        ) from error


@dataclass(frozen=True, eq=False)
class ImageInFile:
    """The image in a file.

    Attributes:
        pixels: uint8 (H, W, C), 0..255: C is 1 for grey, 3 for RGB, 4 for RGB with alpha; or the
            finite integers or floats of a deep image, (H, W, 1) or (H, W, 3).
        size: height and width in the file.
        has_more_frames: whether the file has other frames or pages, which are left out.
        damage: the decoder's error, if it returned an image all the same.
        is_reduced: whether the file has 16 bits per value, of which only the upper 8 were read.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    has_more_frames: bool
    damage: str | None
    is_reduced: bool

    def warnings(self, name: str) -> tuple[str, ...]:
        """Return sentences about what was left out or may be wrong, which call the file `name`."""
        sentences = {
            f"{name} has several frames or pages, of which only the first was used.": (
                self.has_more_frames
            ),
            f"{name} may be damaged: {self.damage}.": self.damage is not None,
            f"{name} has 16 bits with alpha or in CMYK, of which only the upper 8 were used.": (
                self.is_reduced
            ),
        }
        return tuple(sentence for sentence, is_true in sentences.items() if is_true)


def pillow_to_array(image: Image.Image, name: str) -> np.ndarray:
    """Convert a Pillow image of any mode and size to an array; see `read_image`.

    Raises:
        DataError: when it is absurdly large, or loaded lazily from a damaged file.
    """
    try:
        with _ignoring_warnings():
            _check_size(image, name, MAX_PIXELS)
            image.load()
            pixels = image_to_array(image)
    except _DAMAGE as error:
        raise DataError(f"{name} should be {_EXPECTED}, but is damaged ({error}).") from error
    check_finite(pixels, name)
    return pixels


def read_image_header(content: bytes) -> tuple[int, int, bool] | None:
    """Return an image's height, width and whether it is grey, or None if its header is damaged."""
    try:
        with _ignoring_warnings(), _open(content) as file:
            height, width = _upright_size(file)
            is_grey = file.mode in ("1", "L") or file.mode.startswith(("I", "F"))
            return height, width, is_grey and "transparency" not in file.info
    except Exception:  # reading the image reports it
        return None


_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257  # TIFF's tags
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LFS_START = b"version https://"  # git-lfs.github.com/spec/v1


def _ignoring_warnings() -> AbstractContextManager[object]:
    """Keep Pillow from printing warnings about sizes, which are checked here, and damaged tags."""
    return warnings.catch_warnings(action="ignore")


def _open(content: bytes) -> Image.Image:
    formats: tuple[str, ...] = FORMATS
    extra = extra_format(content[:START_BYTES])
    if extra is not None and missing_reader(extra) is None:
        formats = ("AVIF",)
        if extra == "HEIC":
            import pillow_heif

            pillow_heif.register_heif_opener()
            formats = ("HEIF",)
    return Image.open(io.BytesIO(content), "r", formats)


def _describe_start(start: bytes) -> str:
    """Return what is wrong with a file that Pillow does not know, by its first bytes."""
    if extra := extra_format(start):
        missing = missing_reader(extra)
        return f"is {extra}, which {missing}" if missing else f"is a damaged {extra} file"
    if start.startswith(_TIFF_STARTS):
        return "is a TIFF file of a kind that cannot be read: save it as PNG or .npy"
    if start.startswith(_LFS_START):
        return "is a pointer of Git LFS: fetch the image with `git lfs pull`"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "is a web page: download the image again"
    return "its content is none of these"


def _check_size(file: Image.Image, name: str, most: int) -> None:
    if file.width * file.height > most:
        raise DataError(_too_large(name, most, f"{file.width:,} x {file.height:,}"))


def _too_large(name: str, most: int, found: str) -> str:
    return f"{name} should have at most {most:,} pixels, but has {found}: make it smaller first."


def _has_more_frames(file: Image.Image) -> bool:
    # A photograph of the format MPO comes with a preview, or with the other eye's view.
    with suppress(Exception):  # the first frame may be sound
        return file.format != "MPO" and getattr(file, "is_animated", False)
    return False


def _draft(file: Image.Image, fit_for: tuple[int, int]) -> None:
    """Decode a JPEG file at a half, a quarter or an eighth of its size, if that is large enough."""
    # Rotated images swap height and width, so both must suffice for either.
    least = _DRAFT_FACTOR * max(fit_for)
    if min(file.size) >= 2 * least:  # else the call only costs time
        file.draft(None, (least, least))


def _upright_size(file: Image.Image) -> tuple[int, int]:
    """Return height and width as a viewer shows them, from the header."""
    height, width = file.height, file.width
    if isinstance(file, TiffImageFile):  # some versions of Pillow rotate these already
        width, height = file.tag_v2[_TIFF_WIDTH], file.tag_v2[_TIFF_HEIGHT]
    return (width, height) if is_sideways(file) else (height, width)


def _add_lower_bytes(values: np.ndarray, content: bytes) -> None:
    """Add the lower bytes of an image's values to the upper ones: uint16 (H, W, 3), in place."""
    with _ignoring_warnings(), _open(content) as file:
        add_image(values, load_lower_bytes(file))
        file.close()
