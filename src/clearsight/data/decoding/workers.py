"""Decoding images on all cores: one process per core, restarted if an image kills it.

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
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

import clearsight
from clearsight.data.decoding.arrays import open_arrays
from clearsight.data.decoding.job import DecodeJob, run_job
from clearsight.errors import DataError

# A process takes 0.2 s to start, as long as 2,000 tiny images or 20 photographs take to decode.
_FEW_IMAGES = 64
_POLL_SECONDS = 0.02
_LOG_NAME = "workers.log"


def decode_images(job: DecodeJob, report: Callable[[int], None]) -> dict[int, str]:
    """Decode images into arrays on disk, with as many processes as there are cores.

    `report` is called now and then with the number of images done.

    Returns:
        The problem of each image that cannot be decoded, by row.

    Raises:
        DataError: when a process ends before its first image.
    """
    num_jobs = max(min(num_cores(), len(job.keys) // _FEW_IMAGES), 1)
    if len(job.keys) < 2 * _FEW_IMAGES:
        return dict(event for event in run_job(job) if isinstance(event, tuple))
    jobs = [
        replace(job, keys=job.keys[start::num_jobs], rows=job.rows[start::num_jobs], number=start)
        for start in range(num_jobs)
    ]
    problems: dict[int, str] = {}
    num_done, next_number = 0, num_jobs
    with (job.folder / _LOG_NAME).open("ab") as log:
        running = [_Worker(part, log) for part in jobs]
        try:
            while running:
                time.sleep(_POLL_SECONDS)
                num_done += sum(worker.count_new_images() for worker in running)
                report(num_done)
                for worker in [worker for worker in running if worker.has_ended()]:
                    running.remove(worker)
                    rest = worker.collect(problems)
                    if rest is not None:
                        running.append(_Worker(replace(rest, number=next_number), log))
                        next_number += 1
        finally:
            for worker in running:
                worker.kill()
    return problems


def num_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """A running process and its job."""

    def __init__(self, job: DecodeJob, log: IO[bytes]) -> None:
        self._job = job
        job.events_path.touch()
        self._new_events = job.events_path.open("rb")
        package_folder = str(Path(clearsight.__file__).parent.parent)
        search_path = [package_folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            # -P: the user's numpy.py is not imported instead of numpy.
            [sys.executable, "-P", "-m", "clearsight.data.decoding.worker"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
            start_new_session=True,  # Ctrl-C is for the parent process
        )
        assert self._process.stdin is not None
        try:
            pickle.dump(job, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended already, which `collect` reports

    def count_new_images(self) -> int:
        return sum(line[:1] != b"[" for line in self._new_events)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def collect(self, problems: dict[int, str]) -> DecodeJob | None:
        """Add the bad images of an ended process to `problems`.

        Returns:
            The images that are still to be decoded if the process died of one, else None.

        Raises:
            DataError: when it ended before its first image.
        """
        self.kill()
        job, code = self._job, self._process.returncode
        lines = job.events_path.read_bytes().split(b"\n")[:-1]
        events = [json.loads(line) for line in lines]
        problems.update({event[0]: event[1] for event in events if isinstance(event, list)})
        if code == 0:
            return None
        if not events:
            log = (job.folder / _LOG_NAME).read_text(errors="replace")
            reason = log.strip().splitlines() or ["no output"]
            raise DataError(
                f"A process that decodes images ended with code {code} before its first image "
                f"({reason[-1]}): is memory or disk full?"
            )
        last = events[-1][0] if isinstance(events[-1], list) else events[-1]
        is_done = np.any(open_arrays(job.folder)[1][job.rows], axis=1)
        left: list[int] = []
        for index, row in enumerate(job.rows.tolist()):
            if row == last and not is_done[index]:
                problems.setdefault(
                    row,
                    f"{job.keys[index]} should be an image, but the process that decoded it ended "
                    f"(code {code}).",
                )
            if not is_done[index] and row not in problems:
                left.append(index)
        if not left:
            return None
        return replace(job, keys=tuple(job.keys[index] for index in left), rows=job.rows[left])

    def kill(self) -> None:
        """End the process, if it has not ended, and close its pipe."""
        self._process.kill()
        self._process.communicate()
        self._new_events.close()
