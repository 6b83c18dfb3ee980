"""Decoding images with all cores: one process a core, restarted when an image kills it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import numpy as np

import clearsight
from clearsight.data.decoding.job import Job, execute
from clearsight.data.decoding.worker import COUNTS, CURRENT
from clearsight.data.listing import Reader
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import DataError

# A process takes 0.2 s to start, as long as 2,000 tiny images or 20 photographs take to decode.
_FEW_IMAGES = 64
_POLL_SECONDS = 0.02

Report = Callable[[int], None]


@dataclass(frozen=True)
class Work:
    """All images that are to be decoded into one folder's arrays.

    Attributes:
        reader: gets at their bytes.
        preparation: what each is brought to.
        keys: which images.
        rows: int64, which row each goes to.
        folder: where the arrays are.
    """

    reader: Reader
    preparation: Preparation
    keys: tuple[str, ...]
    rows: np.ndarray
    folder: Path


def decode(work: Work, report: Report) -> dict[int, str]:
    """Decode images into arrays on disk, with as many processes as there are cores.

    Args:
        work: which images, and where to.
        report: called now and then with how many are done.

    Returns:
        What is wrong with the images that cannot be decoded, by row.
    """
    num_jobs = max(min(num_cores(), len(work.keys) // _FEW_IMAGES), 1)
    jobs = [
        Job(
            work.reader,
            work.preparation,
            work.keys[number::num_jobs],
            tuple(work.rows[number::num_jobs].tolist()),
            str(work.folder),
            number,
        )
        for number in range(num_jobs)
    ]
    if num_jobs == 1 and len(work.keys) < 2 * _FEW_IMAGES:
        execute(jobs[0], lambda _: None)
    else:
        _decode_in_processes(jobs, work.folder, report)
    return {row: problem for job in jobs for row, problem in _problems(job)}


def num_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _decode_in_processes(jobs: Sequence[Job], folder: Path, report: Report) -> None:
    for name in (CURRENT, COUNTS):
        array = np.lib.format.open_memmap(folder / name, "w+", np.int64, (len(jobs),))
        array[:] = -1 if name == CURRENT else 0
        array.flush()
    current, counts = (np.load(folder / name, "r+") for name in (CURRENT, COUNTS))
    with (folder / "workers.log").open("wb") as log:
        running = {job.number: (job, _start(job, log)) for job in jobs}
        try:
            while running:
                time.sleep(_POLL_SECONDS)
                report(int(counts.sum()))
                for number, (job, process) in list(running.items()):
                    code = process.poll()
                    if code is None:
                        continue
                    process.communicate()
                    del running[number]
                    rest = _rest(job, int(current[number]), code, folder) if code else None
                    if rest is not None:
                        current[number] = -1
                        running[number] = (rest, _start(rest, log))
        finally:
            for _, process in running.values():
                process.kill()
                process.communicate()


def _start(job: Job, log: IO[bytes]) -> subprocess.Popen[str]:
    package_folder = str(Path(clearsight.__file__).parent.parent)
    others = os.environ.get("PYTHONPATH")
    process = subprocess.Popen(
        # -P: a file of the user's called numpy.py is not taken for numpy.
        [sys.executable, "-P", "-m", "clearsight.data.decoding.worker"],
        stdin=subprocess.PIPE,
        stderr=log,
        text=True,
        errors="surrogateescape",
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([package_folder, *([others] if others else [])]),
        },
        start_new_session=True,  # Ctrl-C is for the program that waits for it
    )
    assert process.stdin is not None
    try:
        process.stdin.write(f"{job.to_json()}\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it has ended already, which is found when it is waited for
    return process


def _rest(job: Job, row: int, code: int, folder: Path) -> Job | None:
    """Return what is left of a job whose process died on the image of `row`.

    Raises:
        DataError: when it did not die of an image.
    """
    if row < 0:
        said = (folder / "workers.log").read_text(errors="replace").strip().splitlines()
        raise DataError(
            f"Images should be decoded by processes of their own, but one ended with code {code} "
            f"before its first image ({said[-1] if said else 'no word'}): is memory or disk full?"
        )
    key = job.keys[job.rows.index(row)]
    done = {number for number, _ in _problems(job)}
    digests = np.load(Path(job.folder) / "digests.npy", "r")
    if row not in done:
        problem = f"{key} should be an image, but the process that decoded it ended (code {code})."
        with job.problems_path.open("a", encoding="utf-8") as problems:
            problems.write(f"{json.dumps([row, problem])}\n")
        done.add(row)
    left = [
        (key, row)
        for key, row in zip(job.keys, job.rows, strict=True)
        if row not in done and not digests[row].any()
    ]
    if not left:
        return None
    keys, rows = zip(*left, strict=True)
    return replace(job, keys=keys, rows=rows)


def _problems(job: Job) -> list[tuple[int, str]]:
    if not job.problems_path.is_file():
        return []
    lines = job.problems_path.read_text("utf-8", errors="surrogateescape").splitlines()
    return [(row, problem) for row, problem in map(json.loads, lines)]
