"""Classes and files of any name: nothing is obeyed by a terminal or a spreadsheet, nothing lost."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import clearsight
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.run.store.predictions_csv import read_predictions
from clearsight.run.store.split_csv import read_split
from support.command_line import BARE, run_cli

CLASSES = ("cat\x1b]0;title\x07", "dog\u202egpj.exe", "=1+1", "two\nlines")
FILES = ("\x1b[31m{}.png", "[red]{}[bold].png", "-{}+1.png", "\x9b2J{}.png", "a\r{}.png")
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff]")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images") / "evil\x1b[2J"
    generator = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for index in range(15):
            pixels = generator.integers(60 * label, 60 * label + 40, (8, 8, 3), np.uint8)
            file = FILES[index % len(FILES)].format(index)
            Image.fromarray(pixels).save(root / name / file)
    return root


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run\x1b[1m"
    done = run_cli(
        "train", str(source), "--epochs", "2", "--recipe", "lesson", "--out", str(out), *BARE
    )
    assert done.returncode == 0, done.stderr
    check_displayed(done.stdout + done.stderr)
    return out


def check_displayed(text: str) -> None:
    assert text
    assert not _UNSAFE.search(text), repr(text)
    assert "\nlines" not in text, "no name looks like a line of its own"


def test_files_hold_the_names_as_they_are(source: Path, run: Path) -> None:
    found = clearsight.Run.load(run)
    assert set(found.class_names) == set(CLASSES)
    used = read_split(run / "split.csv")
    assert {row.class_name for row in used} == set(CLASSES)
    names = {
        f"{label}/{FILES[index % 5].format(index)}" for label in CLASSES for index in range(15)
    }
    assert {row.name for row in used} == names
    predicted = read_predictions(run / "predictions.csv", found.class_names)
    assert set(predicted.names) <= names
    record = json.loads((run / "run.json").read_text())
    assert set(record["class_names"]) == set(CLASSES)
    for file in ("split.csv", "predictions.csv"):
        with (run / file).open(newline="") as opened:
            cells = [cell for row in csv.reader(opened) for cell in row]
        assert any(cell.startswith("'=") for cell in cells)
        assert not [cell for cell in cells if cell.startswith(("=", "@", "\t", "\r"))]


def show_all(commands: list[list[str]]) -> None:
    for words in commands:
        done = run_cli(*words)
        assert done.returncode == 0, done.stderr
        check_displayed(done.stdout + done.stderr)
        if words[-1] == "--json":
            json.loads(done.stdout)


def test_commands_display_them(source: Path, run: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad\x1b[31m\u202e"
    bad.mkdir()
    (bad / "run.json").write_text('{"class_names": ["\x1b[31m"]}')
    show_all(
        [
            ["evaluate", str(run)],
            ["predict", str(run), str(source)],
            ["predict", str(run), str(source), "--json"],
            ["runs", "--folder", str(tmp_path)],
        ]
    )
    for words in (["evaluate", str(bad)], ["train", str(source / "none\x1b[31m")]):
        done = run_cli(*words)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1, done.stderr
        check_displayed(done.stderr)


@pytest.mark.slow
def test_other_commands_do_too(source: Path, run: Path, tmp_path: Path) -> None:
    lists = ["--list-out", str(tmp_path / "list.csv")]
    other = shutil.copytree(run, run.with_name("other\x1b[1m"))
    show_all(
        [
            ["data", "show", str(source), "--out", str(tmp_path / "sheet\x1b.png")],
            ["data", "check", str(source), "--quick", "--out", str(tmp_path / "page.html"), *lists],
            ["evaluate", str(run), "--json"],
            ["compare", str(run), str(other), "--out", str(tmp_path / "curves.png")],
            ["runs", "--folder", str(run.parent)],
            ["runs", "--folder", str(run.parent), "--json"],
            ["export", str(run)],
            ["report", str(run)],
            ["predict", str(run), str(source), "--format", "jsonl"],
        ]
    )
    for words in (["predict", str(run), "\x1b[31mnone.png"], ["train", "--resume", str(run)]):
        done = run_cli(*words)
        assert done.returncode == 2
        check_displayed(done.stderr)


def test_predictions_in_a_file_have_the_names_as_they_are(
    source: Path, run: Path, tmp_path: Path
) -> None:
    for words in (["--out", str(tmp_path / "rows.csv")], ["--format", "csv"]):
        done = run_cli("predict", str(run), str(source), *words)
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "rows.csv").read_bytes().decode() if "--out" in words else done.stdout
        assert "\x1b[31m" in text
        assert "'=1+1" in text


def test_lists_of_images_are_read_again(source: Path, tmp_path: Path) -> None:
    splits = load_splits(str(source))
    names = splits.train.names
    assert names is not None
    row = next(index for index, name in enumerate(names) if name.startswith("=1+1"))
    corrections = tmp_path / "labels.csv"
    from clearsight.data.image_list import write_image_list
    from clearsight.data.labels.corrections import COLUMNS

    write_image_list(corrections, COLUMNS, [(names[row], "train", row, "", "", "", "=1+1")])
    assert "'=1+1" in corrections.read_text()
    again = load_splits(str(source), SourceOptions(corrections=corrections))
    assert again.train.fingerprint == splits.train.fingerprint
    left = load_splits(str(source), SourceOptions(remove_list=corrections))
    assert len(left.train) == len(splits.train) - 1


def test_a_terminal_obeys_none_of_them(source: Path, run: Path) -> None:
    image = next((source / CLASSES[0]).iterdir())
    ours, terminal = pty.openpty()
    command = [str(Path(sys.executable).with_name("clearsight")), "predict", str(run), str(image)]
    process = subprocess.Popen(
        [*command, "--format", "csv"], stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            block = os.read(ours, 10_000)
        except OSError:  # nobody can write any more
            break
        shown += block
    assert process.wait(60) == 0
    os.close(ours)
    text = shown.decode()
    for sequence in ("\x1b]0", "\x07", "\x1b[31m", "\u202e", "\x9b"):
        assert sequence not in text
    assert "\\x1b]0;title\\x07" in text
