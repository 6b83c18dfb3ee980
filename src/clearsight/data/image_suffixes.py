"""Which files are meant as pictures, told by their names alone."""

from __future__ import annotations

from pathlib import PurePosixPath

PICTURE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm",
     ".pgm", ".pbm", ".pnm")
)  # fmt: skip
_LITTER = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"))


def is_hidden(name: str) -> bool:
    """Tell whether a file or a folder of this name is nobody's picture."""
    return name.startswith(".") or name in _LITTER


def is_picture(name: str) -> bool:
    """Tell by its suffix whether a file is meant as a picture."""
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES
