"""A run's folder from somebody else: nothing outside of it is written, emptied or deleted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError
from clearsight.run.store.lock import is_locked
from support.command_line import run_cli


@pytest.fixture
def run(digits_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(digits_run, tmp_path / "runs" / "run"))


@pytest.fixture
def home(tmp_path: Path, digits_run: Path) -> Path:
    """The user's files, among them copies of a run's, which a program may take for its own."""
    home = tmp_path / "home"
    shutil.copytree(digits_run, home / "checkpoints")
    for name in ("thesis.tex", ".unfinished-0123abcd", "0"):
        (home / name).write_text("mine")
    return home


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


FOLDERS = {
    "checkpoints": "home/checkpoints/checkpoints",
    "bundle": "home",
    "seeds": "home",
    "checkpoints/.unfinished-0123abcd": "home",
    ".bundle-0123abcd": "home",
    "report.html": "home/nothing",
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_link_to_a_folder_or_to_nothing_is_refused(run: Path, home: Path, name: str) -> None:
    before = contents(home)
    entry = run / name
    if entry.is_dir():
        shutil.rmtree(entry)
    entry.symlink_to(run.parent.parent / FOLDERS[name])
    with pytest.raises(RunError, match=f"but {name} is a link to .*, and nothing is written"):
        clearsight.resume(run, epochs=2)
    assert contents(home) == before


def test_links_to_files_are_replaced_or_refused(run: Path, home: Path) -> None:
    for path in list(run.iterdir()):
        if not path.is_dir():
            shutil.move(path, home / path.name)
            path.symlink_to(home / path.name)
    before = contents(home)
    resumed = clearsight.resume(run, epochs=2, report=False, bundle=False, verbose=False)
    assert resumed.record.request.recipe.epochs == 2
    assert contents(home) == before
    (run / "lock").symlink_to(home / "thesis.tex")
    with pytest.raises(RunError, match="lock cannot be opened there"):
        clearsight.resume(run, epochs=3, report=False, bundle=False, verbose=False)
    assert contents(home) == before


@pytest.mark.parametrize("name", ["lock", "history.csv", "curves.png"])
def test_a_pipe_is_refused(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    assert not is_locked(run)
    with pytest.raises(RunError, match=f"but {name} is no file"):
        clearsight.resume(run, epochs=2)


def test_pruning_deletes_nothing_elsewhere(run: Path, home: Path) -> None:
    runs = run.parent
    shutil.copytree(run, runs / "worse")
    history = runs / "worse" / "history.csv"
    header, row = history.read_text().splitlines()
    values = row.split(",")
    values[4] = "0.01"
    history.write_text(f"{header}\n{','.join(values)}\n")
    shutil.copytree(runs / "worse", home / "worse")
    (runs / "link").symlink_to(home / "worse")
    (runs / "worse" / "checkpoints" / "link").symlink_to(home)
    (runs / "worse" / "lock").symlink_to(home / "thesis.tex")
    (runs / ".old-0123abcd").mkdir()
    (runs / ".old-0123abcd" / "deleted").symlink_to(home)
    before = contents(home)
    prune = ("runs", "prune", "--folder", str(runs), "--state", "finished", "--yes")
    assert "Traceback" not in run_cli(*prune).stderr
    assert contents(home) == before
    (runs / "worse" / "lock").unlink(missing_ok=True)
    assert "Traceback" not in run_cli(*prune).stderr
    assert not (runs / "worse").exists()
    assert not (runs / ".old-0123abcd").exists()
    assert (runs / "link").is_symlink()
    assert contents(home) == before


def test_a_seed_that_is_a_link_is_refused(tmp_path: Path, home: Path) -> None:
    out = tmp_path / "runs"
    clearsight.train(
        "digits", epochs=1, seeds=2, out=out, report=False, bundle=False, verbose=False
    )
    shutil.rmtree(out / "seeds" / "1")
    (out / "seeds" / "1").symlink_to(home)
    before = contents(home)
    with pytest.raises(RunError, match=r"but seeds/1 is a link to"):
        clearsight.resume(out, report=False, bundle=False, verbose=False)
    assert contents(home) == before
