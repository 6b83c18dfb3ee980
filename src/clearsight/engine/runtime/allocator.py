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
_MOST_MMAP_THRESHOLD = 32 * 2**20  # bytes, the largest that it accepts
_MOST_KEPT_BYTES = 2**31 - 1  # the largest threshold that it accepts
_MOST_KEPT_FRACTION = 1 / 8  # of the memory
_RETURNED_BYTES = 2**20  # blocks of this size and more


@cache
def keep_freed_memory() -> bool:
    """Make glibc keep freed blocks, for the rest of this process; return whether it does.

    By default glibc maps blocks of some megabytes, such as a layer's outputs, each time they are
    allocated, and then every page costs a fault: the reference job's epoch took 1.8 s so, and 1.5 s
    with this (2 cores with AVX512-BF16). Its thresholds adapt if a large block happens to be freed,
    which should not be left to chance.
    """
    kept_bytes = min(_MOST_KEPT_BYTES, int(memory_bytes() * _MOST_KEPT_FRACTION))
    return _mallopt((_M_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD), (_M_TRIM_THRESHOLD, kept_bytes))


class LargeBlocks:
    """Blocks above 32 MiB, which glibc maps separately whatever its thresholds are.

    While networks compute, these come from the memory that it keeps too. MobileNetV2 in float32
    predicted 46 images a second in batches of 64, with 10,000 page faults an image, and 109 so;
    trainings took from 1.0 (32 pixels) to 1.24 times as long without it (Xception, 160 pixels; 2
    cores with AVX512-BF16). At all other times arrays of this size are returned when they are
    freed. Transparent huge pages for torch's blocks (THP_MEM_ALLOC_ENABLE) made no difference.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._num_users = 0

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep them within the block, in every thread."""
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
"""Those of this process."""


@cache
def return_freed_memory() -> bool:
    """Make glibc map large blocks separately, which are returned when freed; likewise.

    By default it learns from the first large block that is freed to keep blocks of up to 32 MiB
    among the small ones, for each thread. After 100,000 damaged images, some of which claim to be
    enormous, a server held 580 MB so.
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
