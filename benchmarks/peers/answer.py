"""How a program answers: it does one task of a `Job` and prints what it measured as one line."""

from __future__ import annotations

import json
import platform
import resource
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

from peers.job import Job

# What a task measured: seconds, bytes, accuracies and GFLOP/s by name.
Measured = dict[str, float | list[float]]


Task = Callable[[Job], Measured | Iterable[Measured]]


def answer(tasks: Mapping[str, Task], packages: tuple[str, ...]) -> None:
    """Do the task that the command line names and print one JSON object on the last line.

    A task that takes turns with other processes measures several times: one object a line.

    The command line is ``python -m peers.NAME TASK JOB``, where JOB is the `Job` as JSON.

    Args:
        tasks: what this program can do, by the task's name.
        packages: the installed distributions whose versions go along.
    """
    task, settings = sys.argv[1:]
    result = tasks[task](Job(**json.loads(settings)))
    versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
    for measured in [result] if isinstance(result, dict) else result:
        print(json.dumps({"measured": measured, "versions": versions}), flush=True)


def peak_memory_bytes() -> int:
    """Return the most memory that this process has held so far, resident."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes elsewhere, getrusage(2)
