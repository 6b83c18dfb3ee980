"""Headers of NumPy's file format, read before anything is allocated.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from clearsight.data.formats.damage import report_damage
from clearsight.errors import DataError

_MAX_HEADER = 10_000  # characters; a header of plain numbers has about 120


@dataclass(frozen=True)
class NpyHeader:
    """The header of a NumPy file.

    Attributes:
        shape: the array's shape.
        dtype: its type.
        header_bytes: where its values begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    header_bytes: int

    @property
    def size_bytes(self) -> int:
        """How long the file should be."""
        return self.header_bytes + math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes], name: str, length_bytes: int) -> NpyHeader:
    """Read the header of an array, and check that it holds plain values and is complete.

    Args:
        file: set to the array's beginning.
        name: what messages call the array.
        length_bytes: the length of the file, or of the archive's member.

    Raises:
        DataError: when it is damaged, no NumPy array, or one of Python objects.
    """
    with report_damage(name, "a NumPy array"):
        is_first_version = npy_format.read_magic(file) == (1, 0)
        read = (
            npy_format.read_array_header_1_0
            if is_first_version
            else npy_format.read_array_header_2_0
        )
        shape, _, dtype = read(file, max_header_size=_MAX_HEADER)
        header = NpyHeader(tuple(int(axis) for axis in shape), dtype, file.tell())
    if dtype.hasobject:
        raise DataError(
            f"{name} should hold plain numbers or text, but holds Python objects, which are never "
            "unpickled: save it with a plain dtype such as uint8."
        )
    if min(header.shape, default=0) < 0:
        raise DataError(f"{name} should be a NumPy array, but its header says {header.shape}.")
    if length_bytes != header.size_bytes:
        raise DataError(
            f"{name} should be {header.size_bytes:,} bytes long for {header.dtype} {header.shape}, "
            f"but is {length_bytes:,}: it is damaged, get it again."
        )
    return header
