"""`IdleThreads`: threads that exist only so that libgomp's other threads wait without spinning.

A thread of libgomp, the OpenMP library of torch on Linux, that waits for the others spins for some
milliseconds (300,000 times) before it sleeps. On a core that another process needs, this time is
lost to both. libgomp spins 100 times if it manages more threads than there are processors
(https://gcc.gnu.org/onlinedocs/libgomp/GOMP_005fSPINCOUNT.html), and counts sleeping ones too.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from functools import cache
from typing import Any

import torch

_USERS_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@cache
def can_shorten_waits() -> bool:
    """Return whether `IdleThreads` has an effect here, and no user has set how threads wait."""
    return torch.get_num_threads() > 1 and _libgomp() is not None and not _is_set_by_user()


class IdleThreads:
    """Threads of libgomp that sleep until `end`."""

    def __init__(self) -> None:
        self._may_end = threading.Event()
        has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(has_begun,), daemon=True)
        self._thread.start()
        has_begun.wait()

    def end(self) -> None:
        """End the threads."""
        self._may_end.set()
        self._thread.join()

    def _run(self, has_begun: threading.Event) -> None:
        library: Any = _libgomp()
        # With the threads that compute, more than there are processors.
        num_threads = max(2, library.omp_get_num_procs() - torch.get_num_threads() + 2)
        does_nothing = ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p)
        library.GOMP_parallel(does_nothing, None, num_threads, 0)
        has_begun.set()
        self._may_end.wait()  # libgomp keeps the threads until the one that began them ends


@cache
def _libgomp() -> ctypes.CDLL | None:
    """Return libgomp if torch's threads are libgomp's; None where they are another library's."""
    if not sys.platform.startswith("linux"):
        return None
    loaded = ctypes.CDLL(None)
    try:
        loaded.GOMP_parallel.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_uint] * 2
        loaded.GOMP_parallel.restype = None
        loaded.omp_get_num_procs.restype = ctypes.c_int
    except AttributeError:
        return None
    is_another = hasattr(loaded, "kmp_set_blocktime")  # LLVM's and Intel's have both names
    return None if is_another else loaded


def _is_set_by_user() -> bool:
    return any(name in os.environ for name in _USERS_SETTINGS)
