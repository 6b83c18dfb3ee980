"""Having another program fetch something."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from clearsight.errors import DataError

_TIMEOUT_SECONDS = 300


def run_command(command: Sequence[str], folder: Path) -> None:
    """Run a program in a folder to its end.

    Raises:
        DataError: when it cannot be run, fails, or takes longer than five minutes, with the reason
            in a few words.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{command[0]} did not finish ({error})") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise DataError(f"{command[0]} failed ({lines[-1]})")
