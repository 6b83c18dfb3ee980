"""Folders of images that are all the same."""

from __future__ import annotations

from pathlib import Path

from support.formats.breakage import PNG


def write_images(root: Path, *paths: str) -> Path:
    """Write files; of a path that ends with "/" two images."""
    for path in paths:
        for file in (f"{path}1.png", f"{path}2.png") if path.endswith("/") else (path,):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(PNG)
    return root
