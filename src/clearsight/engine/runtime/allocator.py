"""What the C library does with freed memory: keep it for the next step, or give it back."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# glibc's numbers, https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MOST_MMAP_THRESHOLD = 32 * 2**20  # bytes, the largest that it takes
_KEPT_BYTES = 256 * 2**20
_GIVEN_BACK_BYTES = 2**20  # blocks of so many


@cache
def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks, once for this process; return whether it does.

    By itself glibc maps blocks of some megabytes, such as a layer's outputs, anew each time they
    are asked for, and every page of them then costs a fault: the reference job's epoch took 1.8 s
    so, and 1.5 s with this (2 cores with AVX512-BF16). It learns better when a large block happens
    to be freed, which should not be left to chance.
    """
    return _told((_M_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD), (_M_TRIM_THRESHOLD, _KEPT_BYTES))


@cache
def give_back_freed_memory() -> bool:
    """Tell glibc to map large blocks by themselves, which go when they are freed, once likewise.

    By itself it learns from the first large block that is freed to keep blocks of up to 32 MiB
    among the small ones, for each thread. After 100,000 damaged images, some of which say to be
    enormous, a server held 580 MB so.
    """
    return _told((_M_MMAP_THRESHOLD, _GIVEN_BACK_BYTES))


def _told(*options: tuple[int, int]) -> bool:
    """Set options of glibc's; other C libraries are left as they are."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    return all(mallopt(option, value) for option, value in options)
