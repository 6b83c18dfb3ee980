"""``clearsight serve`` that reports how long its event loop was busy.

Each line on its standard input is answered by one on its standard output: JSON with the processor
time, in seconds, of
- "turn": the longest callback of the event loop,
- "held": the whole process while another thread waited for Python's lock, at most,
since the line before. Processor time, so that a busy machine does not matter.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import Any

from clearsight.cli.main import main

PAUSE_SECONDS = 0.002

longest = {"turn": 0.0, "held": 0.0}


def note(name: str, seconds: float) -> None:
    longest[name] = max(longest[name], seconds)


def measure_turns() -> None:
    run = asyncio.Handle._run

    def measured(handle: Any) -> None:
        started = time.thread_time()
        run(handle)
        note("turn", time.thread_time() - started)

    asyncio.Handle._run = measured  # type: ignore[method-assign]


def measure_waiting() -> None:
    while True:
        started = time.process_time()
        time.sleep(PAUSE_SECONDS)
        note("held", time.process_time() - started)


def report() -> None:
    for _ in sys.stdin:
        print(json.dumps(longest), flush=True)
        longest.update(turn=0.0, held=0.0)


if __name__ == "__main__":
    measure_turns()
    for work in (measure_waiting, report):
        threading.Thread(target=work, daemon=True).start()
    sys.argv[0] = "clearsight"
    main()
