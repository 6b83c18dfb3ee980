"""Decoding images on all cores: one process per core, and new ones if an image kills its process.

`concurrent.futures` cannot do this: its processes import the user's script, so that one without a
main guard would run again, and a process that dies takes the whole pool with it.
"""

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import IO

import numpy as np

import clearsight
from clearsight.data.decoding.arrays import open_arrays
from clearsight.data.decoding.job import DecodeJob, run_job
from clearsight.errors import DataError
from clearsight.io.machine import num_cores

# A process takes 0.2 s to start, as long as 2,000 tiny images or 20 photographs take to decode.
_FEW_IMAGES = 64
_POLL_SECONDS = 0.02


# Shows the progress of decoding: called with the number of images, it yields a function to call
# with the number done.
DECODING = "decoding images, which are cached for the next start"  # a phase's title
ShowProgress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


def silent(num_images: int) -> AbstractContextManager[Callable[[int], None]]:
    """Show no progress."""
    del num_images
    return nullcontext(lambda _: None)


def decode_images(job: DecodeJob, show_progress: ShowProgress = silent) -> dict[int, str]:
    """Decode images into arrays on disk, with as many processes as there are cores.

    Returns:
        The problem of each image that cannot be decoded, by row.

    Raises:
        DataError: when a process ends before its first image.
    """
    if len(job) < 2 * _FEW_IMAGES:
        return dict(event for event in run_job(job) if isinstance(event, tuple))
    problems: dict[int, str] = {}
    left = job
    with show_progress(len(job)) as report:
        while len(left):
            problems |= _run_processes(left, report, len(job) - len(left))
            is_done = open_arrays(job.folder).digests[left.rows].any(axis=1)
            left = left.take(np.flatnonzero(~is_done & ~np.isin(left.rows, list(problems))))
    return problems


def _run_processes(job: DecodeJob, report: Callable[[int], None], num_done: int) -> dict[int, str]:
    """Decode what one process per core can until it ends, and return the problems found.

    `num_done` images were done before.
    """
    num_jobs = max(min(num_cores(), len(job) // _FEW_IMAGES), 1)
    parts = [job.take(np.arange(start, len(job), num_jobs), start) for start in range(num_jobs)]
    log_path = job.folder / "workers.log"
    processes: list[subprocess.Popen[bytes]] = []
    with log_path.open("wb") as log:
        for part in parts:
            part.events_path.write_bytes(b"")
        events = [part.events_path.open("rb") for part in parts]
        try:
            for part in parts:
                processes.append(_start(part, log))
            while any(process.poll() is None for process in processes):
                time.sleep(_POLL_SECONDS)
                num_done += sum(line[:1] != b"[" for file in events for line in file)
                report(num_done)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
            for file in events:
                file.close()
    problems: dict[int, str] = {}
    for part, process in zip(parts, processes, strict=True):
        problems |= _find_problems(part, process.returncode, log_path)
    return problems


def _start(job: DecodeJob, log: IO[bytes]) -> subprocess.Popen[bytes]:
    search_path = [str(Path(clearsight.__file__).parent.parent)]
    search_path += filter(None, [os.environ.get("PYTHONPATH")])
    process = subprocess.Popen(
        # -P: the user's numpy.py is not imported instead of numpy.
        [sys.executable, "-P", "-m", "clearsight.data.decoding.worker"],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
        start_new_session=True,  # Ctrl-C is for the parent process
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, which `_find_problems` reports
        pickle.dump(job, process.stdin)
        process.stdin.flush()
    return process


def _find_problems(job: DecodeJob, exit_code: int, log_path: Path) -> dict[int, str]:
    """Return the bad images of an ended process, the one that killed it included.

    Raises:
        DataError: when it ended before its first image.
    """
    lines = job.events_path.read_bytes().split(b"\n")[:-1]
    events = [json.loads(line) for line in lines]
    problems = {event[0]: event[1] for event in events if isinstance(event, list)}
    if exit_code == 0:
        return problems
    if not events:
        output = log_path.read_text(errors="replace").strip().splitlines() or ["no output"]
        raise DataError(
            f"A process that decodes images ended with code {exit_code} before its first image "
            f"({output[-1]}): is memory or disk full?"
        )
    last = events[-1][0] if isinstance(events[-1], list) else events[-1]
    if not open_arrays(job.folder).digests[last].any():
        key = job.keys[job.rows.tolist().index(last)]
        ended = f"the process that decoded it ended (code {exit_code})"
        problems.setdefault(last, f"{key} should be an image, but {ended}.")
    return problems
