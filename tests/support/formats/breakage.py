"""A way to break a layout, with the message that it must give."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from support.formats.class_labels import Draw
from support.formats.content import encoded

PNG = encoded(np.arange(75, dtype=np.uint8).reshape(5, 5, 3))
X = np.arange(4 * 5 * 5, dtype=np.uint8).reshape(4, 5, 5)
Y = np.array([0, 1, 0, 1])


@dataclass(frozen=True)
class Breakage:
    """A way to break a layout.

    Attributes:
        name: what is broken.
        message: a regular expression that the error must match.
        write: writes it; returns its path, or path and options.
        is_image: whether only one image is bad, which is noticed when it is read.
    """

    name: str
    message: str
    write: Callable[[Draw, Path], Any]
    is_image: bool = False


def breakages_into(breakages: list[Breakage]) -> Callable[..., Callable[[Callable], Callable]]:
    """Make the decorator that adds a function to a module's own list."""

    def breakage(message: str, *, is_image: bool = False) -> Callable[[Callable], Callable]:
        def add(write: Callable[[Draw, Path], Any]) -> Callable:
            breakages.append(Breakage(write.__name__, message, write, is_image))
            return write

        return add

    return breakage


def cut(draw: Draw, content: bytes, fewest: int = 0) -> bytes:
    return content[: draw(st.integers(fewest, len(content) - 1))]


def class_folders(root: Path) -> None:
    for place in range(4):
        folder = root / "ab"[place % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{place}.png").write_bytes(PNG)


def huge_header() -> bytes:
    """A PNG file whose header claims 50,000 x 50,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return PNG[:8] + chunk + PNG[33:]
