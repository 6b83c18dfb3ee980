"""Reading image files of any size and mode into uint8 arrays."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from clearsight.data.image_suffixes import START_BYTES, extra_format, missing_reader
from clearsight.data.preparation.deep_files import (
    check_planes,
    has_lower_bytes,
    is_reduced,
    load_lower_bytes,
    raw_mode,
    restore_sign,
)
from clearsight.data.preparation.pixel_range import check_finite
from clearsight.data.preparation.tiff_errors import collect_tiff_errors
from clearsight.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_EXPECTED = "an image file (PNG, JPEG, WebP, BMP, GIF, TIFF, PNM, AVIF or HEIC)"

# What Pillow raises for damaged files of any format; TypeError if a TIFF's tag has a wrong type,
# RuntimeError for AVIF and HEIC.
_DAMAGE = (
    *(OSError, SyntaxError, TypeError, ValueError, EOFError, struct.error, zlib.error),
    RuntimeError,
)

# Limit of memory: an image takes four bytes a pixel and some copies, less than half a gigabyte in
# all. JPEG files are made smaller while they are decoded.
MAX_PIXELS = 50_000_000
_MAX_JPEG_PIXELS = 178_000_000  # Pillow opens nothing larger
_DRAFT_FACTOR = 2  # a JPEG file is decoded at no less than this times the final size


def read_image(
    source: Path | bytes, *, name: str | None = None, fit_for: tuple[int, int] | None = None
) -> "ImageInFile":
    """Read an image as a viewer shows it, upright and with alpha, but deep values as they are.

    Args:
        source: an image file's path or content; of an animation the first frame is read.
        name: what to call it in messages; by default the file's path.
        fit_for: height and width that it will be resized to; larger JPEG files are then decoded
            at a fraction of their size, which is several times faster.

    Raises:
        DataError: when the file is missing, empty, no image, cut short or absurdly large, or has
            values that are NaN or infinite.
    """
    name = name or (str(source) if isinstance(source, Path) else "The image")
    if isinstance(source, Path):
        if not os.path.lexists(source):
            raise DataError(f"{name} should be {_EXPECTED}, but there is no such file.")
        if source.is_symlink() and not source.exists():
            raise DataError(
                f"{name} should be {_EXPECTED}, but is a link to {source.readlink()}, which does "
                "not exist."
            )
        if source.is_dir():
            raise DataError(f"{name} should be {_EXPECTED}, but is a folder: pass the files in it.")
    elif not source:
        raise DataError(f"{name} should be {_EXPECTED}, but is empty.")
    try:
        with _ignoring_warnings(), _open(source) as file:
            size = _upright_size(file)
            if fit_for is not None and file.format == "JPEG":
                _check_size(file, name, _MAX_JPEG_PIXELS)
                _draft(file, fit_for)
            _check_size(file, name, MAX_PIXELS)
            check_planes(file, name)
            mode, has_more_frames = raw_mode(file), _has_more_frames(file)
            with collect_tiff_errors() if file.format == "TIFF" else nullcontext([]) as errors:
                file.load()
            pixels = restore_sign(_to_array(_upright(file), name), file)
            if has_lower_bytes(mode) and pixels.shape[-1] == 3:  # else a colour is transparent
                with _open(source) as again:
                    lower = _to_array(_upright(load_lower_bytes(again)), name)
                pixels = pixels.astype(np.uint16) << 8 | lower
            damage = errors[0] if errors else None
            return ImageInFile(pixels, size, has_more_frames, damage, is_reduced(mode))
    except Image.DecompressionBombError as error:
        raise DataError(_too_large(name, MAX_PIXELS, "far more")) from error
    except UnidentifiedImageError as error:
        start = _read_start(source)
        found = "its content is none of these"
        if extra := extra_format(start):
            missing = missing_reader(extra)
            found = f"is {extra}, which {missing}" if missing else f"is a damaged {extra} file"
        elif start.startswith(_TIFF_STARTS):
            found = "is a TIFF file of a kind that cannot be read: save it as PNG or .npy"
        raise DataError(f"{name} should be {_EXPECTED}, but {found}.") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split())  # some have several lines
        raise DataError(
            f"{name} should be {_EXPECTED}, but is damaged or cut short ({reason})."
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
            f"{name} has 16 bits with alpha or ink, of which only the upper 8 were used.": (
                self.is_reduced
            ),
        }
        return tuple(sentence for sentence, is_true in sentences.items() if is_true)


def pillow_to_array(image: Image.Image, name: str) -> np.ndarray:
    """Convert a Pillow image of any mode and size to an array as `read_image` does.

    Raises:
        DataError: when it is absurdly large, or loaded lazily from a damaged file.
    """
    try:
        with _ignoring_warnings():
            _check_size(image, name, MAX_PIXELS)
            image.load()
            return _to_array(_upright(image), name)
    except _DAMAGE as error:
        raise DataError(f"{name} should be {_EXPECTED}, but is damaged ({error}).") from error


def read_image_header(content: bytes) -> tuple[int, int, bool] | None:
    """Return an image's height, width and whether it is grey, or None if its header is damaged."""
    try:
        with _ignoring_warnings(), _open(content) as file:
            height, width = _upright_size(file)
            is_grey = file.mode in ("1", "L") or file.mode.startswith(("I", "F"))
            return height, width, is_grey and "transparency" not in file.info
    except Exception:  # reading the image reports it
        return None


_T = TypeVar("_T")
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257  # TIFF's tags
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 0x0112  # EXIF's tag
_SIDEWAYS = (5, 6, 7, 8)  # its values that swap height and width


def _ignoring_warnings() -> AbstractContextManager[object]:
    """Keep Pillow from printing warnings about sizes, which are checked here, and damaged tags."""
    return warnings.catch_warnings(action="ignore")


def _open(source: Path | bytes) -> Image.Image:
    formats: tuple[str, ...] = FORMATS
    extra = extra_format(_read_start(source))
    if extra is not None and missing_reader(extra) is None:
        formats = ("AVIF",)
        if extra == "HEIC":
            import pillow_heif

            pillow_heif.register_heif_opener()
            formats = ("HEIF",)
    return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, "r", formats)


def _read_start(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:START_BYTES]
    with source.open("rb") as file:
        return file.read(START_BYTES)


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
    return (width, height) if _is_sideways(file) else (height, width)


def _is_sideways(image: Image.Image) -> bool:
    """Return whether EXIF data swap the height and width of a file."""
    return _read_exif(image, lambda: image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS, False)


def _upright(image: Image.Image) -> Image.Image:
    """Rotate a loaded image as its EXIF data say."""
    return _read_exif(image, lambda: ImageOps.exif_transpose(image), image)


def _read_exif(image: Image.Image, read: Callable[[], _T], default: _T) -> _T:
    """Return what `read` returns; the default without EXIF data, or with damaged ones."""
    # Found without parsing them: most small images have none.
    has_exif = {"exif", "Raw profile type exif"} & image.info.keys() or image.format == "TIFF"
    if not has_exif:
        return default
    try:
        return read()
    except Exception:  # the image itself may be sound
        return default


def _to_array(image: Image.Image, name: str) -> np.ndarray:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        check_finite(values, name)
        return values[..., None]
    has_alpha = image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info
    if has_alpha:
        return np.asarray(image.convert("RGBA"))
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
