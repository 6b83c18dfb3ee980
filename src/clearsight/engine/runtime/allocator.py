"""Whether the C library keeps freed memory for later, or returns it to the system."""

import ctypes
import sys
from functools import cache

# glibc's numbers, https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MOST_MMAP_THRESHOLD = 32 * 2**20  # bytes, the largest that it accepts
_KEPT_BYTES = 256 * 2**20
_RETURNED_BYTES = 2**20  # blocks of this size and more


@cache
def keep_freed_memory() -> bool:
    """Make glibc keep freed blocks, for the rest of this process; return whether it does.

    By default glibc maps blocks of some megabytes, such as a layer's outputs, each time they are
    allocated, and then every page costs a fault: the reference job's epoch took 1.8 s so, and 1.5 s
    with this (2 cores with AVX512-BF16). Its thresholds adapt if a large block happens to be freed,
    which should not be left to chance.
    """
    return _mallopt((_M_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD), (_M_TRIM_THRESHOLD, _KEPT_BYTES))


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
