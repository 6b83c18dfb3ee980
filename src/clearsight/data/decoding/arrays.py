"""The arrays that images are decoded into: .npy files of one folder, shared between processes."""

import os
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from clearsight.data.image_set import DIGEST_BYTES
from clearsight.data.preparation.pixel_range import NUM_EXTREMES

# The columns of facts.npy: size and kind of the file's image, whether it has more frames, may be
# damaged, lost its lower bits or its colour, its number of values outside the pixel range, and the
# range of the decoded pixels.
HEIGHT, WIDTH, IS_COLOUR, IS_DEEP = range(4)
HAS_MORE_FRAMES, IS_DAMAGED, IS_REDUCED, LOSES_COLOUR = range(4, 8)
NUM_OUTSIDE, LOWEST, HIGHEST = range(8, 11)

_ROWS_AT_ONCE = 1024  # moved at once


def make_arrays(folder: Path, num_images: int, shape: tuple[int, int, int]) -> None:
    """Create the arrays in an empty folder and reserve their disk space.

    `shape` is the height, width and channels of every image.

    Raises:
        OSError: when the disk is too full.
    """
    for name, dtype, row in (
        ("images", np.uint8, shape),
        ("digests", np.uint8, (DIGEST_BYTES,)),
        ("facts", np.int32, (HIGHEST + 1,)),
        ("extremes", np.float64, (NUM_EXTREMES,)),
        ("contents", np.uint8, (DIGEST_BYTES,)),
    ):
        path = folder / f"{name}.npy"
        array = np.lib.format.open_memmap(path, "w+", dtype, (num_images, *row))
        array.flush()
        if hasattr(os, "posix_fallocate"):
            with path.open("rb+") as file:
                # Otherwise a full disk would kill the process that writes to the map.
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


class Arrays(NamedTuple):
    """The arrays of a folder, mapped from disk.

    Attributes:
        images: uint8 (N, H, W, C).
        digests: uint8 (N, 16), 0 for images that are not decoded.
        facts: int32 (N, 11).
        extremes: float64 (N, 18), see `find_extremes`; 0 for images that are not deep.
        contents: uint8 (N, 16), BLAKE2b of the encoded image.
    """

    images: np.ndarray
    digests: np.ndarray
    facts: np.ndarray
    extremes: np.ndarray
    contents: np.ndarray


ARRAYS = Arrays._fields


def open_arrays(folder: Path, mode: Literal["r", "r+"] = "r") -> Arrays:
    """Map the arrays of a folder."""
    return Arrays(*(np.asarray(np.load(folder / f"{name}.npy", mode)) for name in ARRAYS))


def swap_rows(folder: Path, rows: np.ndarray, others: np.ndarray) -> None:
    """Swap rows, int64 (M,), with M different ones, in the arrays of a folder, in place."""
    for array in open_arrays(folder, "r+"):
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            one, other = (each[start : start + _ROWS_AT_ONCE] for each in (rows, others))
            array[one], array[other] = array[other], array[one]


def remove_rows(folder: Path, rows: list[int]) -> None:
    """Remove rows, given in ascending order, from the arrays of a folder, in place."""
    if not rows:
        return
    for path in (folder / f"{name}.npy" for name in ARRAYS):
        array = np.load(path, "r+")
        num_left = len(array) - len(rows)
        for num_removed, (row, next_row) in enumerate(pairwise([*rows, len(array)]), 1):
            for start in range(row + 1, next_row, _ROWS_AT_ONCE):
                stop = min(start + _ROWS_AT_ONCE, next_row)
                array[start - num_removed : stop - num_removed] = array[start:stop].copy()
        header_bytes = path.stat().st_size - array.nbytes
        row_bytes, dtype, shape = array[:1].nbytes, array.dtype, (num_left, *array.shape[1:])
        array.flush()
        del array
        with path.open("rb+") as file:
            file.truncate(header_bytes + num_left * row_bytes)
            np.lib.format.write_array_header_1_0(  # of the same length: it is padded
                file, {"descr": dtype.str, "fortran_order": False, "shape": shape}
            )
