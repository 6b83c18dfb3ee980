"""Checking decoded images on disk, all of their bytes, before they are used again.

BLAKE2b of every image is in the arrays, and the digest of those arrays is in the folder's name. So
what a run trains on is what its fingerprint says, whatever has happened to the disk since.
"""

import hashlib
import logging
import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from clearsight.data.decoding.arrays import ARRAYS
from clearsight.data.image_set import DIGEST_BYTES, image_digests
from clearsight.io.machine import num_cores

_BYTES_AT_ONCE = 1 << 23  # read and hashed by each thread
_MANY_BYTES = 10**10  # take some seconds, so that a line says what is being done

_log = logging.getLogger(__name__)


def content_digest(folder: Path) -> str:
    """Return SHA-256 (hex) of a folder's arrays, of its images through their digests.

    Raises:
        OSError, ValueError: when a file cannot be read, or is no array.
    """
    digest = hashlib.sha256()
    for name in ARRAYS:
        with (folder / f"{name}.npy").open("rb") as file:
            shape, dtype = _read_header(file)
            digest.update(repr((name, shape, dtype.str)).encode())
            if name != "images":
                digest.update(file.read())
    return digest.hexdigest()


def find_damage(folder: Path) -> str | None:
    """Return what is wrong with a folder named by its `content_digest`, or None if nothing is.

    The files are read as files, not through a map, which a damaged disk would make end the process.
    """
    try:
        if content_digest(folder) != folder.name:
            return "facts about the images have changed"
        return _find_changed_images(folder)
    except (OSError, ValueError, EOFError) as error:
        return getattr(error, "strerror", None) or str(error)


def _find_changed_images(folder: Path) -> str | None:
    path, digests = folder / "images.npy", np.load(folder / "digests.npy")
    with path.open("rb") as file:
        shape, dtype = _read_header(file)
        begin, row_bytes = file.tell(), math.prod(shape[1:])
    if dtype != np.uint8 or digests.shape != (shape[0], DIGEST_BYTES):
        return "its arrays do not fit together"
    if shape[0] * row_bytes > _MANY_BYTES:
        _log.info("checking %.0f GB of decoded images ...", shape[0] * row_bytes / 1e9)
    num_rows = max(_BYTES_AT_ONCE // max(row_bytes, 1), 1)
    count = partial(_count_changed, path, begin, shape[1:])
    blocks = [(row, digests[row : row + num_rows]) for row in range(0, shape[0], num_rows)]
    with ThreadPoolExecutor(num_cores()) as pool:
        num_changed = sum(pool.map(lambda block: count(*block), blocks))
    return f"{num_changed:,} of {shape[0]:,} images have changed" if num_changed else None


def _count_changed(
    path: Path, begin: int, shape: tuple[int, ...], row: int, digests: np.ndarray
) -> int:
    """Return how many images, from `row` on, do not have these digests, uint8 (M, 16)."""
    pixels = np.empty((len(digests), *shape), np.uint8)
    with path.open("rb") as file:
        file.seek(begin + row * pixels[:1].nbytes)
        if file.readinto(pixels.data) != pixels.nbytes:
            return len(digests)
    return int((image_digests(pixels) != digests).any(axis=1).sum())


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("a file is no array")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if os.fstat(file.fileno()).st_size != file.tell() + math.prod(shape) * dtype.itemsize:
        raise ValueError("a file has another length")
    return shape, dtype
