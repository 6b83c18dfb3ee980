"""Keeping freed memory for the next step, where the C library would give it back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

# glibc's numbers, https://man7.org/linux/man-pages/man3/mallopt.3.html
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MOST_MMAP_THRESHOLD = 32 * 2**20  # bytes, the largest that it takes
_KEPT_BYTES = 256 * 2**20


@cache
def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks, once for this process; return whether it does.

    By itself glibc maps blocks of some megabytes, such as a layer's outputs, anew each time they
    are asked for, and every page of them then costs a fault: the reference job's epoch took 1.8 s
    so, and 1.5 s with this (2 cores with AVX512-BF16). It learns better when a large block happens
    to be freed, which should not be left to chance.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    is_set = mallopt(_M_MMAP_THRESHOLD, _MOST_MMAP_THRESHOLD)
    return bool(is_set and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))
