"""The command line, run as users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from support.training_processes import begin_command

# Train without writing the report and the bundle, which most tests do not need.
BARE = ("--no-report", "--no-bundle")
TIMEOUT_SECONDS = 300

Cli = Callable[..., subprocess.CompletedProcess[str]]


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``clearsight`` in its own process; return its output and exit code.

    The process is forked from one that has imported Keras, which saves seconds. With environment
    variables, which Python and libraries read when they start, it is a new one.
    """
    if environment:
        return subprocess.run(
            [Path(sys.executable).with_name("clearsight"), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder, "stdout"), Path(folder, "stderr")
        process = begin_command(list(arguments), *outputs)
        process.join(TIMEOUT_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, TIMEOUT_SECONDS)
        stdout, stderr = (path.read_text() for path in outputs)
    return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


def assert_refused(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """Check that wrong input got one sentence on stderr, exit code 2 and no traceback.

    With ``--json`` the sentence is an object's "error" on stdout too.
    """
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr
    if "--json" in done.args:
        assert json.loads(done.stdout)["error"] in done.stderr
    else:
        assert done.stdout == ""
