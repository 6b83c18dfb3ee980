"""The command line, run as users run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# Train without writing the report and the bundle, which most tests do not need.
BARE = ("--no-report", "--no-bundle")

Cli = Callable[..., subprocess.CompletedProcess[str]]


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``clearsight`` in its own process; return its output and exit code."""
    return subprocess.run(
        [Path(sys.executable).with_name("clearsight"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """Check that wrong input got one sentence on stderr, exit code 2 and no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr
    assert done.stdout == ""
