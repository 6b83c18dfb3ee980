"""Training processes that start quickly, so that many can be killed.

A server imports Keras once and forks a process for each training, which is then a process like any
other: it has its own memory, files and lock, and dies by SIGKILL as others do.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any


def context() -> ForkServerContext:
    """Return what starts the processes."""
    started = multiprocessing.get_context("forkserver")
    started.set_forkserver_preload(
        ["clearsight.run.train", "clearsight.report.curves", "support.training_processes"]
    )
    return started


def begin(out: Path, source: str, options: dict[str, Any]) -> ForkServerProcess:
    """Begin a run, or go on with it if it has begun."""
    process = context().Process(target=_train, args=(out, source, options))
    process.start()
    return process


def _train(out: Path, source: str, options: dict[str, Any]) -> None:
    import clearsight

    if (out / "run.json").exists():
        clearsight.resume(out, report=False, bundle=False, verbose=False)
    else:
        clearsight.train(source, out=out, report=False, bundle=False, verbose=False, **options)


def begin_command(arguments: list[str], output: Path) -> ForkServerProcess:
    """Begin the command line, whose words on both streams go to a file."""
    process = context().Process(target=_command, args=(arguments, output))
    process.start()
    return process


def _command(arguments: list[str], output: Path) -> None:
    with output.open("wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["clearsight", *arguments]
    from clearsight.cli.main import main

    main()


def wait_for(path: Path, process: BaseProcess) -> None:
    """Wait until a file is there."""
    while not path.exists():
        assert process.is_alive(), "it ended before the file came"
        time.sleep(0.005)


def train_within(size_bytes: int, out: Path, answer: Connection) -> None:
    """Train on large batches with so much more address space; send what was said."""
    import resource

    import numpy as np

    import clearsight

    images = np.zeros((640, 64, 64, 1), np.uint8)
    images = clearsight.ImageSet.from_arrays(images, np.arange(640) % 4)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + size_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        clearsight.train(
            images,
            recipe="lesson",
            batch_size=512,
            epochs=1,
            out=out,
            report=False,
            bundle=False,
            verbose=False,
        )
    except clearsight.ClearsightError as error:
        answer.send(str(error))
    else:
        answer.send("it was enough")
