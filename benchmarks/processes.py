"""Running one program once, as its own process, and reading what it measured."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

from peers.job import Job
from programs import Program

TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Outcome:
    """The result of running one program on one task once.

    Attributes:
        measured: seconds, bytes and more by name; empty when it failed.
        versions: of Python and of the packages that the program works with.
        failure: the program's last line of complaint, or None.
    """

    program: str
    task: str
    round_number: int
    measured: dict[str, float | list[float]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True)
class Measurement:
    """One program to run on one task in one round."""

    program: Program
    task: str
    round_number: int

    def command(self, python: Path, job: Job) -> list[str]:
        """Return the command line, for `peers.answer.answer`."""
        settings = json.dumps(asdict(job))
        return [str(python), "-m", f"peers.{self.program.module}", self.task, settings]

    def run(self, python: Path, job: Job) -> Outcome:
        """Run it and wait; a failure is part of the outcome, not an exception."""
        try:
            finished = subprocess.run(
                self.command(python, job),
                cwd=Path(__file__).parent,
                env=environment_for(job),
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return self.failed(str(error))
        if finished.returncode:
            lines = finished.stderr.strip().splitlines()
            return self.failed(lines[-1] if lines else f"exit code {finished.returncode}")
        try:
            answer = json.loads(finished.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            return self.failed("it ended well, but its last line was not the expected JSON")
        return Outcome(
            self.program.name,
            self.task,
            self.round_number,
            measured=answer["measured"],
            versions=answer["versions"],
        )

    def failed(self, complaint: str) -> Outcome:
        """Return the outcome of a program that could not be run."""
        return Outcome(self.program.name, self.task, self.round_number, failure=complaint)


def environment_for(job: Job) -> dict[str, str]:
    """Give every program the same threads, no GPU, and Keras without the user's own settings."""
    threads = str(job.num_threads)
    return {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "CUDA_VISIBLE_DEVICES": "",
        "KERAS_HOME": job.data_dir,
    }
