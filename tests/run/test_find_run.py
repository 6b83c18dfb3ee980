"""A run is found by its path, its name, the beginning of its name, or as the latest one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError
from clearsight.run.store.find_run import find_run
from support.command_line import assert_refused, run_cli

STARTED = {
    "2026-05-01_digits_lesson": "2026-05-01T10:00:00+02:00",
    "2026-05-01_digits_lesson_2": "2026-05-01T10:00:01+02:00",
    "2026-06-01_photos_residual": "2026-06-01T10:00:00+02:00",
    "mine": "2026-06-01T09:59:00+00:00",  # later, because in another time zone
}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs; its parent is the current folder."""
    for name, started in STARTED.items():
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        record = "seeds.json" if name == "mine" else "run.json"
        (folder / record).write_text(json.dumps({"started_at": started}))
    (tmp_path / "runs" / "2026-09-01_no_run").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("latest", "runs/mine"),
        ("runs/latest", "runs/mine"),
        ("mine", "runs/mine"),
        ("2026-06", "runs/2026-06-01_photos_residual"),
        ("runs/2026-06", "runs/2026-06-01_photos_residual"),
        ("2026-05-01_digits_lesson", "runs/2026-05-01_digits_lesson"),  # also a beginning
        ("2026-09", "2026-09"),
        ("elsewhere/2026", "elsewhere/2026"),
        ("runs", "runs"),
        (".", "."),
    ],
)
def test_a_run_is_found(runs: Path, reference: str, expected: str) -> None:
    assert find_run(reference) == Path(expected)
    assert find_run(Path(reference)) == Path(expected)


def test_what_several_runs_begin_with_is_ambiguous(runs: Path) -> None:
    with pytest.raises(RunError, match="but 2 begin so: 2026-05-01_digits_lesson, 2026-05-01_"):
        find_run("2026-05")
    for number in range(20):
        shutil.copytree(runs / "mine", runs / f"many-{number:02}")
    with pytest.raises(RunError, match=r"many-07 and 12 more\. Add more of the name\.$"):
        find_run("many")


@pytest.mark.parametrize("name", ["latest", "2026-06", "mine"])
def test_an_existing_path_means_itself(runs: Path, name: str) -> None:
    Path(name).touch()
    assert find_run(name) == Path(name)


def test_a_run_that_is_called_latest_is_that_run(runs: Path) -> None:
    shutil.copytree(runs / "2026-05-01_digits_lesson", runs / "latest")
    assert find_run("latest") == Path("runs/latest")


def test_a_damaged_run_is_not_the_latest(runs: Path, caplog: pytest.LogCaptureFixture) -> None:
    (runs / "mine" / "seeds.json").write_text("{")
    assert find_run("latest") == Path("runs/2026-06-01_photos_residual")
    assert "runs/mine/seeds.json is damaged" in caplog.text


def test_without_runs_there_is_no_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(run_cli("report", "latest"), "there is none in runs: give the path")


def test_commands_and_python_find_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits_run: Path
) -> None:
    shutil.copytree(digits_run, tmp_path / "runs" / "2026-05-01_digits")
    monkeypatch.chdir(tmp_path)
    path = Path("runs/2026-05-01_digits")
    for name in ("latest", "2026"):
        done = run_cli("predict", name, "digits:test[0:1]")
        assert done.returncode == 0, done.stderr
        assert f"Run: {path}" in done.stderr
    assert clearsight.Run.load("latest").path == path
    assert clearsight.evaluate("2026").scores == clearsight.evaluate(path).scores
    with pytest.raises(RunError, match="has already trained for"):
        clearsight.resume("latest")


def test_no_run_is_deleted_by_such_a_name(runs: Path) -> None:
    done = run_cli("runs", "prune", "--folder", "latest", "--yes")
    assert "There is nothing to delete in latest" in done.stdout
    assert len(list(runs.iterdir())) == 5
