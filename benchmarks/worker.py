"""A process that stays ready and runs a task at its turn, so that systems alternate closely."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from peers.job import Job
from processes import Measurement, environment_for

TIMEOUT_SECONDS = 900  # for one turn; compiling in torch.compile is the longest


class WorkerError(Exception):
    """A process ended or did not answer; the message is the last line of its standard error."""


class Worker:
    """A process of `peers.turns.take_turns`, which computes only at its turns.

    Attributes:
        ready: what it measured before its first turn.
        versions: of Python and of the packages that it uses.

    Raises:
        WorkerError: if it does not become ready.
    """

    def __init__(self, measurement: Measurement, python: Path, job: Job) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            measurement.command(python, job),
            cwd=Path(__file__).parent,
            env=environment_for(job),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        try:
            answer = self._read()
        except WorkerError:
            self.close()
            raise
        self.ready: dict[str, float] = answer["measured"]
        self.versions: dict[str, str] = answer["versions"]

    def take_turn(self, work: str) -> float:
        """Let it run a task; return the seconds.

        Raises:
            WorkerError: if it failed.
        """
        assert self._process.stdin is not None, "it was opened with a pipe"
        try:
            self._process.stdin.write(f"{work}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self._last_error()) from None
        return self._read()["measured"]["seconds"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _read(self) -> dict[str, Any]:
        """Return the next line that is JSON; libraries may print others."""
        assert self._process.stdout is not None, "it was opened with a pipe"
        timer = threading.Timer(TIMEOUT_SECONDS, self._process.kill)
        timer.start()
        try:
            for line in self._process.stdout:
                if line.startswith("{"):
                    return json.loads(line)
        finally:
            timer.cancel()
        raise WorkerError(self._last_error())

    def _last_error(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit code {code}"
