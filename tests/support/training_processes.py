"""Processes that start quickly, because they are forked from one that has imported Keras.

Each is then a process like any other: it has its own memory, files and locks, and SIGKILL ends it.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import multiprocessing.forkserver
import os
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PRELOADED = ("clearsight.run.api", "clearsight.report.curves")


def context() -> ForkServerContext:
    """Return the context that starts the processes."""
    for name in PRELOADED:
        assert importlib.util.find_spec(name) is not None  # multiprocessing would say nothing
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload([*PRELOADED, "support.training_processes"])
    return forkserver


def start_fork_server() -> None:
    """Start the process that all others are forked from, with the limits that hold now."""
    context()
    multiprocessing.forkserver.ensure_running()


def begin(out: Path, source: str, options: dict[str, Any]) -> ForkServerProcess:
    """Begin a run, or resume it if it has begun."""
    process = context().Process(target=_train, args=(out, source, options))
    process.start()
    return process


def _train(out: Path, source: str, options: dict[str, Any]) -> None:
    import clearsight

    if (out / "run.json").exists():
        clearsight.resume(out, report=False, bundle=False, verbose=False)
    else:
        clearsight.train(source, out=out, report=False, bundle=False, verbose=False, **options)


def begin_command(
    arguments: list[str], output: Path, error_output: Path | None = None
) -> ForkServerProcess:
    """Begin ``clearsight`` with this process's environment and folder; its output goes to files.

    Args:
        arguments: of the command line.
        output: the file for standard output.
        error_output: the file for standard error; by default the same.
    """
    outputs = (output, error_output or output)
    process = context().Process(
        target=_run_command, args=(arguments, outputs, dict(os.environ), Path.cwd())
    )
    process.start()
    return process


def _run_command(
    arguments: list[str], outputs: tuple[Path, Path], environment: dict[str, str], folder: Path
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in zip((1, 2), outputs, strict=True):
        with path.open("ab") as file:
            os.dup2(file.fileno(), number)
    sys.argv = ["clearsight", *arguments]
    from clearsight.cli.main import main

    main()


def wait_for(path: Path, process: BaseProcess) -> None:
    """Wait until a file is there."""
    while not path.exists():
        assert process.is_alive(), "it ended before the file came"
        time.sleep(0.005)


def train_within(size_bytes: int, out: Path, answer: Connection) -> None:
    """Train on large batches with so much more address space; send the message."""
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
