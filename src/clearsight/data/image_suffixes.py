"""Recognising image files by their suffix or first bytes, and the files of operating systems."""

import importlib.util
import re
from collections.abc import Callable
from functools import cache
from pathlib import PurePosixPath
from typing import Literal

IMAGE_SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff",
     ".ppm", ".pgm", ".pbm", ".pnm")
)  # fmt: skip
# Images all the same, which their owner would miss.
_OTHER_IMAGE_SUFFIXES = (
    ".svg", ".psd", ".xcf", ".ico", ".tga", ".exr", ".hdr", ".eps", ".dcm", ".jp2", ".j2k", ".jxl",
    ".dib", ".pfm", ".nii", ".nii.gz", ".mha", ".nrrd", ".fits", ".arw", ".cr2", ".cr3", ".dng",
    ".nef", ".orf", ".raf", ".rw2",
)  # fmt: skip
HIDDEN = "hidden"
NOT_AN_IMAGE = "not an image"
START_BYTES = 16  # of a file, enough to recognise an image

# What Windows, macOS and network drives leave behind, in lower case.
_SYSTEM_NAMES = frozenset(
    ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "lost+found", "found.000",
     "$recycle.bin", "recycler", "system volume information", "@eadir", "@tmp", "@recycle",
     "@recently-snapshot", "#recycle", "#snapshot", "temporary items", "network trash folder",
     "__pycache__")
)  # fmt: skip
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}")
_START = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|BM.{4}\0\0\0\0|II\*\0|MM\0\*|P[1-6]\s",
    re.DOTALL,
)

# Formats that Pillow reads only if something is installed.
ExtraFormat = Literal["HEIC", "AVIF"]
_EXTRA_SUFFIXES: dict[str, ExtraFormat] = {
    ".heic": "HEIC", ".heif": "HEIC", ".hif": "HEIC", ".avif": "AVIF",
}  # fmt: skip
_EXTRA_STARTS: dict[bytes, ExtraFormat] = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"), "HEIC"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
}


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden or belongs to the operating system."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def is_image(name: str) -> bool:
    """Return whether a file has the suffix of an image that can be read."""
    suffix = PurePosixPath(name).suffix.lower()
    extra = _EXTRA_SUFFIXES.get(suffix)
    return missing_reader(extra) is None if extra else suffix in IMAGE_SUFFIXES


def why_no_image(name: str, read_start: Callable[[], bytes]) -> str | None:
    """Return why a file is not read as an image, or None if it is one.

    Args:
        name: the file's name; its suffix decides.
        read_start: returns its first bytes (`START_BYTES`), which decide if it has no suffix.
    """
    if is_image(name):
        return None
    suffix = PurePosixPath(name).suffix.lower()
    is_without = not _SUFFIX.fullmatch(suffix)
    start = read_start() if is_without else b""
    if extra := extra_format(start) or _EXTRA_SUFFIXES.get(suffix):
        return missing_reader(extra)
    if name.lower().endswith(_OTHER_IMAGE_SUFFIXES):
        return "unsupported format: convert it to PNG or TIFF"
    return None if is_without and _START.match(start) else NOT_AN_IMAGE


def extra_format(start: bytes) -> ExtraFormat | None:
    """Return the format of a HEIC or AVIF file by its first bytes, None for any other file."""
    return _EXTRA_STARTS.get(start[8:12]) if start[4:8] == b"ftyp" else None


@cache
def missing_reader(extra: ExtraFormat) -> str | None:
    """Return what is missing to read a format, with its install line, or None if nothing is."""
    if extra == "HEIC":
        is_installed = importlib.util.find_spec("pillow_heif") is not None
        return None if is_installed else "needs pillow-heif: pip install 'clearsight[heic]'"
    from PIL import features

    is_installed = features.check("avif")
    return None if is_installed else "needs Pillow with AVIF: pip install --upgrade pillow"
