"""Printed times begin with the process, before Python has imported anything."""

from __future__ import annotations

import subprocess
import sys
import time

import click
import pytest

from clearsight.cli import process_clock
from clearsight.cli.process_clock import process_started_at, started_at

_PROGRAM = """
import time
time.sleep(0.5)
from clearsight.cli.process_clock import process_started_at
print(time.perf_counter() - process_started_at())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_what_came_before_the_import_counts() -> None:
    before = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - before
    assert 0.49 < float(done.stdout) < wall + 0.02


def test_a_clock_that_cannot_be_right_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_clock, "_MAX_START_SECONDS", -1.0)
    assert process_started_at() == process_clock._IMPORTED_AT


def test_a_command_called_by_another_program_starts_by_itself() -> None:
    command = click.Command("train")
    assert started_at(click.Context(command, obj=12.5)) == 12.5
    before = time.perf_counter()
    assert started_at(click.Context(command)) >= before
