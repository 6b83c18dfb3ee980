"""What this process may use of the machine: cores and memory."""

import os
from contextlib import suppress
from pathlib import Path

_ASSUMED_BYTES = 16_000_000_000  # of memory, where the system does not say
# Limits of a container's memory: of control groups in version 2 and in version 1.
_CONTAINER_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def num_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """Return the size of the memory, of the machine or of the container that it is limited by."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        size = _ASSUMED_BYTES
    for path in _CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # absent, or "max"
            size = min(size, int(Path(path).read_text()))
    return size
