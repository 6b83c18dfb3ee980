"""The loop of a measured process: it runs a task each time the driver asks for one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping

from peers.answer import Measured


def take_turns(ready: Measured, work: Mapping[str, Callable[[], object]]) -> Iterator[Measured]:
    """Yield what was measured so far, then the seconds of each task.

    Args:
        ready: what was measured while the process prepared itself.
        work: the tasks, by the names that the driver writes as lines to standard input.
    """
    yield ready
    for line in sys.stdin:
        started = time.perf_counter()
        work[line.strip()]()
        yield {"seconds": time.perf_counter() - started}
