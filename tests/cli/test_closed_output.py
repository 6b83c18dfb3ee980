"""Whoever reads the output may stop: nothing fails, and a training goes on to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clearsight
from support.command_line import BARE

CLEARSIGHT = [str(Path(sys.executable).with_name("clearsight"))]
TRAIN = ["train", "digits", "--epochs", "2", "--train-limit", "300", "--test-limit", "50", *BARE]
SCRIPT = """
import sys, clearsight
print("first", flush=True)
sys.stdin.readline()
clearsight.train(
    "digits", epochs=1, train_limit=300, test_limit=50, out=sys.argv[1], report=False, bundle=False
)
"""


def read_lines(command: list[str], num_lines: int, **options: object) -> tuple[int, str, str]:
    """Read some lines of a program's output, and go away; return its exit code, and all it said."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert process.stdout is not None
    assert process.stderr is not None
    lines = [process.stdout.readline() for _ in range(num_lines)]
    process.stdout.close()
    said = process.stderr.read()
    return process.wait(120), "".join(lines), said


def test_a_training_goes_on_when_nobody_reads(tmp_path: Path) -> None:
    out = tmp_path / "run"
    code, lines, said = read_lines([*CLEARSIGHT, *TRAIN, "--out", str(out)], 3)
    assert code == 0
    assert all(line.endswith(" ...") for line in said.splitlines())  # what takes long
    assert lines.count("\n") == 3
    run = clearsight.Run.load(out)
    assert run.record.status == "finished"
    assert len(run.history) == 2
    assert run.results.test_count == 50


@pytest.mark.slow
def test_a_training_goes_on_without_its_terminal_or_its_errors_read(tmp_path: Path) -> None:
    import pty

    out = tmp_path / "run"
    ours, terminal = pty.openpty()
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [*CLEARSIGHT, *TRAIN, "--json", "--out", str(out)], stdout=write_end, stderr=terminal
    )
    for each in (ours, terminal, read_end, write_end):
        os.close(each)
    assert process.wait(120) == 0
    assert clearsight.Run.load(out).record.status == "finished"


@pytest.mark.parametrize(
    "words",
    [["data", "list"], ["--help"], ["trace", "lesson"], ["runs"]],
)
def test_other_commands_do_not_fail(tmp_path: Path, words: list[str]) -> None:
    code, _, said = read_lines([*CLEARSIGHT, *words], 0, cwd=tmp_path)
    assert code == 0
    assert all(line.endswith(" ...") for line in said.splitlines())


def test_wrong_input_still_has_its_exit_code(tmp_path: Path) -> None:
    code, _, said = read_lines([*CLEARSIGHT, "train", str(tmp_path / "absent")], 0)
    assert code == 2
    assert "is neither" in said


@pytest.mark.slow
def test_a_training_from_python_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "first\n"
    process.stdout.close()
    process.stdin.close()
    process.wait(120)
    assert clearsight.Run.load(out).record.status == "finished"
