"""Headers of NumPy's file format, read before anything is allocated.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import os
import tokenize
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from clearsight.data.formats.reason import reason_of
from clearsight.errors import DataError

_LONGEST_HEADER = 10_000  # characters; a header of plain numbers has about 120


@dataclass(frozen=True)
class NpyHeader:
    """What a NumPy file says about itself.

    Attributes:
        shape: the array's axes.
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


def read_header(file: IO[bytes], name: str) -> NpyHeader:
    """Read the header of an array and check that it holds plain values.

    Args:
        file: set to the array's beginning.
        name: what to call the array in messages.

    Raises:
        DataError: when it is no array of NumPy's, or one of Python objects.
    """
    try:
        version = npy_format.read_magic(file)
        read = (
            npy_format.read_array_header_1_0
            if version == (1, 0)
            else npy_format.read_array_header_2_0
        )
        shape, _, dtype = read(file, max_header_size=_LONGEST_HEADER)
        header = NpyHeader(tuple(int(axis) for axis in shape), dtype, file.tell())
    except (
        ValueError,
        EOFError,
        OSError,
        TypeError,
        SyntaxError,
        RecursionError,
        tokenize.TokenError,
    ) as error:
        raise DataError(
            f"{name} should be a NumPy array, but its header is damaged "
            f"({reason_of(error)}): get it again."
        ) from error
    if dtype.hasobject:
        raise DataError(
            f"{name} should hold plain numbers or text, but holds Python objects, which are never "
            "unpickled: save it with a plain dtype such as uint8."
        )
    if min(header.shape, default=0) < 0:
        raise DataError(f"{name} should be a NumPy array, but its header says {header.shape}.")
    return header


def check_length(header: NpyHeader, length_bytes: int, name: str) -> None:
    """Check that an array's content is as long as its header says.

    Raises:
        DataError: when it is not.
    """
    if length_bytes != header.size_bytes:
        raise DataError(
            f"{name} should be {header.size_bytes:,} bytes long for {header.dtype} {header.shape}, "
            f"but is {length_bytes:,}: it is damaged, get it again."
        )


def memory_bytes() -> int:
    """Return how much memory this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 16_000_000_000
