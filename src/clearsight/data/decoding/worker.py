"""A process that decodes images: one `Job` on standard input, arrays on disk as the result.

A process of its own needs nothing of the program that starts it, so that it works from notebooks
and from scripts without a main guard alike.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import numpy as np

from clearsight.data.decoding.job import Job, execute

CURRENT = "current.npy"  # int64, one a job: the row at work, -1 before the first
COUNTS = "counts.npy"  # int64, one a job: how many images are done


def main() -> None:
    """Carry out one job, and end at once when the program that asked for it has ended."""
    job = Job.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    current = np.load(Path(job.folder) / CURRENT, "r+")
    counts = np.load(Path(job.folder) / COUNTS, "r+")

    def note(row: int) -> None:
        current[job.number] = row
        counts[job.number] += 1

    execute(job, note)


def _end_with_parent() -> None:
    sys.stdin.read()  # returns when the other end is closed, however that came about
    os._exit(1)


if __name__ == "__main__":
    main()
