"""How a process that is measured in turns with others answers: it works whenever it is asked to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping

from peers.answer import Measured


def take_turns(ready: Measured, work: Mapping[str, Callable[[], object]]) -> Iterator[Measured]:
    """Yield what was measured so far, then the seconds of each piece of work.

    Args:
        ready: what was measured while the process made itself ready.
        work: what the driver may ask for, by the name that it writes as a line to standard input.
    """
    yield ready
    for line in sys.stdin:
        started = time.perf_counter()
        work[line.strip()]()
        yield {"seconds": time.perf_counter() - started}
