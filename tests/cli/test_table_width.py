"""What commands print fits the terminal, and nothing of it is lost."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len

from support.command_line import run_cli

COMMANDS = {
    "runs": ("runs",),
    "runs prune": ("runs", "prune", "--state", "finished"),
    "data list": ("data", "list"),
    "data show": ("data", "show", "set"),
    "data check": ("data", "check", "set", "--quick"),
    "trace": ("trace", "lesson"),
    "trace against": ("trace", "lesson", "--against", "lesson", "--against-arg", "filters=8,16"),
    "evaluate": ("evaluate", "a-run-of-digits"),
    "compare": ("compare", "a-run-of-digits", "another-run-of-digits-with-two-epochs"),
    "predict": ("predict", "a-run-of-digits", "digits:test[0:3]", "--top", "3"),
    "export": ("export", "a-run-of-digits", "--check"),
    "exercise": ("exercise", "padding", "--answers", "26x26x32, 13x13x32, 13x13x64"),
    "version": ("version",),
}

# Lines and bars; the title of what each block of a narrow table begins with; a count of commands.
SHOWN_OTHERWISE = "-*|█*|run|Layer|class|score|This test set has been evaluated .*"


@pytest.fixture
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digits_run: Path,
    digits_run_of_two_epochs: Path,
) -> Path:
    """The current folder, with two runs and images of which some are alike."""
    shutil.copytree(digits_run, tmp_path / "runs" / "a-run-of-digits")
    other = tmp_path / "runs" / "another-run-of-digits-with-two-epochs"
    shutil.copytree(digits_run_of_two_epochs, other)
    for part, count in (("train", 20), ("test", 8)):
        for label in ("a class with a name that is not short at all", "猫の写真"):
            images = tmp_path / "set" / part / label
            images.mkdir(parents=True)
            for number in range(count):
                values = np.random.default_rng([number, len(label)]).integers(0, 256, (12, 12))
                image = Image.fromarray((values * (number > 0)).astype(np.uint8))
                image.save(images / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(command: tuple[str, ...], columns: int, patch: pytest.MonkeyPatch) -> str:
    """Return what a command prints on so many columns."""
    patch.setenv("COLUMNS", str(columns))
    for written in Path().glob("set-c*"):
        written.unlink()
    done = run_cli(*command)
    assert done.returncode == 0, done.stderr
    return re.sub(r"\d+\.\d s\b", "0.0 s", done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_everything_fits(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    wide = printed(COMMANDS[name], 1000, monkeypatch)
    cells = [cell for line in wide.splitlines() for cell in re.split(r"\s{2,}", line)]
    for columns in (50, 80):
        shown = printed(COMMANDS[name], columns, monkeypatch)
        too_long = [line for line in shown.splitlines() if cell_len(line) > columns]
        # Commands are copied, and stay whole; so do paths that are longer than a line.
        assert all(
            line.startswith("  clearsight ") or max(map(len, line.split())) > columns
            for line in too_long
        ), too_long
        together = re.sub(r"\s", "", shown)
        lost = [cell for cell in cells if not re.fullmatch(SHOWN_OTHERWISE, cell)
                and re.sub(r"\s", "", cell) not in together]  # fmt: skip
        assert not lost
