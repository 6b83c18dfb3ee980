"""Recognising image files and hidden files by their names alone."""

from pathlib import PurePosixPath

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm",
     ".pgm", ".pbm", ".pnm")
)  # fmt: skip
_SYSTEM_NAMES = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"))


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden or belongs to the operating system."""
    return name.startswith(".") or name in _SYSTEM_NAMES


def is_image(name: str) -> bool:
    """Return whether a file has the suffix of an image."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
