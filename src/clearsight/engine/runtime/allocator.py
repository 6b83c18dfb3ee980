"""Whether the C library keeps freed memory for later, or returns it to the system."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from clearsight.io.machine import memory_bytes

# glibc's numbers, https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_MMAP_MAX = -4
_DEFAULT_MMAP_MAX = 65_536  # blocks
_MAX_MMAP_THRESHOLD = 32 * 2**20  # bytes, the largest that it accepts
_MAX_KEPT_BYTES = 2**31 - 1  # the largest threshold that it accepts
_MAX_KEPT_FRACTION = 1 / 8  # of the memory
_RETURNED_BYTES = 2**20  # blocks of this size and more


@cache
def keep_freed_memory() -> bool:
    """Make glibc keep freed blocks, for the rest of this process; return whether it does.

    By default glibc maps blocks of some megabytes, such as a layer's outputs, each time they are
    allocated, and then every page costs a fault: the reference job's epoch took 1.8 s by default
    and 1.5 s with this (2 cores with AVX512-BF16). glibc's thresholds adapt if a large block
    happens to be freed, which should not be left to chance.
    """
    kept_bytes = min(_MAX_KEPT_BYTES, int(memory_bytes() * _MAX_KEPT_FRACTION))
    return _mallopt((_M_MMAP_THRESHOLD, _MAX_MMAP_THRESHOLD), (_M_TRIM_THRESHOLD, kept_bytes))


class LargeBlocks:
    """Blocks above 32 MiB, which glibc maps separately whatever its thresholds are.

    While networks compute, freed blocks of this size are kept too. MobileNetV2 in float32 predicted
    109 images a second in batches of 64, and 46 without this, with 10,000 page faults an image;
    trainings took from 1.0 (32 pixels) to 1.24 times as long without it (Xception, 160 pixels; 2
    cores with AVX512-BF16). At all other times arrays of this size are returned to the system when
    they are freed. Transparent huge pages for torch's blocks (THP_MEM_ALLOC_ENABLE) made no
    difference.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._num_users = 0

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep freed blocks of this size within the ``with`` block, in every thread."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._lock:
            before, self._num_users = self._num_users, self._num_users + change
            if not before or not self._num_users:
                _mallopt((_M_MMAP_MAX, 0 if self._num_users else _DEFAULT_MMAP_MAX))


LARGE_BLOCKS = LargeBlocks()
"""The only instance, because the setting is the whole process's."""


@cache
def return_freed_memory() -> bool:
    """Make glibc return large blocks to the system when they are freed; return whether it does.

    By default it raises its threshold when the first large block is freed, and then keeps blocks of
    up to 32 MiB for each thread: after 100,000 damaged images, some of which claim to be enormous,
    a server held 580 MB.
    """
    return _mallopt((_M_MMAP_THRESHOLD, _RETURNED_BYTES))


def _mallopt(*options: tuple[int, int]) -> bool:
    """Set options of glibc; other C libraries are left as they are."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    return all(mallopt(option, value) for option, value in options)
