"""Which files are meant as images, told by their names alone."""

from __future__ import annotations

from pathlib import PurePosixPath

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm",
     ".pgm", ".pbm", ".pnm")
)  # fmt: skip
_LITTER = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"))


def is_hidden(name: str) -> bool:
    """Tell whether a file or a folder of this name is nobody's image."""
    return name.startswith(".") or name in _LITTER


def is_image(name: str) -> bool:
    """Tell by its suffix whether a file is meant as an image."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
