"""A limit on how much memory the block may take."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.training_processes import start_fork_server


@contextmanager
def limited_memory(num_bytes: int) -> Iterator[None]:
    """Let this process have so many more bytes of address space until the block ends."""
    start_fork_server()  # it would pass the limit on to the processes of all later tests
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
