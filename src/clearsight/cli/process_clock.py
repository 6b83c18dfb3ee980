"""When this process started, so that printed times include the start of Python and all imports."""

import os
import time
from pathlib import Path

import click

_IMPORTED_AT = time.perf_counter()
_MAX_START_SECONDS = 600.0  # a longer start means that the system's clocks disagree


def process_started_at() -> float:
    """Return what `time.perf_counter` would have been when this process started.

    Linux reports it to 10 ms; elsewhere the time when this module was imported is used.
    """
    try:
        fields = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        ticks = int(fields[19])  # since the machine started: field 22 of proc_pid_stat(5)
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return _IMPORTED_AT
    started_at = time.perf_counter() - age
    return started_at if 0 <= _IMPORTED_AT - started_at < _MAX_START_SECONDS else _IMPORTED_AT


def started_at(context: click.Context) -> float:
    """Return the `time.perf_counter` at which this process started.

    If another program calls the command, it is the time of this call instead.
    """
    started = context.find_root().obj
    return started if isinstance(started, float) else time.perf_counter()
