"""When this process started, so that printed times include the start of Python and all imports."""

import os
import time
from pathlib import Path

import click

_IMPORTED_AT = time.perf_counter()
_LONGEST_START = 600.0  # seconds; a longer one means that the system's clocks do not fit together


def process_started_at() -> float:
    """Return what `time.perf_counter` would have been when this process started.

    Linux tells when that was, to 10 ms; elsewhere the import of this module is the nearest known.
    """
    try:
        fields = Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        ticks = int(fields[19])  # since the machine started: field 22 of proc_pid_stat(5)
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return _IMPORTED_AT
    started_at = time.perf_counter() - age
    return started_at if 0 <= _IMPORTED_AT - started_at < _LONGEST_START else _IMPORTED_AT


def started_at(context: click.Context) -> float:
    """Return when the program started, or when its command did if another program called it."""
    started = context.find_root().obj
    return started if isinstance(started, float) else time.perf_counter()
