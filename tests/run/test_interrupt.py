"""Ctrl-C for real: a signal to a training process, and how it goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError
from conftest import assert_refused, run_cli


def start(out: Path, *options: str) -> subprocess.Popen[str]:
    program = Path(sys.executable).with_name("clearsight")
    return subprocess.Popen(
        [program, "train", "fashion-mnist", "--out", str(out), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError(f"{path} never came")


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that got Ctrl-C in its second epoch, and what it said."""
    out = tmp_path_factory.mktemp("interrupted") / "run"
    process = start(out, "--train-limit", "6000", "--epochs", "3", "--test-limit", "500")
    wait_for(out / "history.csv", process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    return out, stderr


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(interrupted: tuple[Path, str]) -> None:
    out, said = interrupted
    assert "Interrupted in epoch 2, after batch" in said
    assert f"clearsight train --resume {out}" in said
    assert "Traceback" not in said
    assert {path.name for path in out.iterdir()} == {
        "run.json", "history.csv", "split.csv", "model.keras",
    }  # fmt: skip
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "interrupted"
    run = clearsight.Run.load(out)
    assert len(run.history) == 1
    with pytest.raises(RunError, match="has no results yet"):
        _ = run.results


def test_an_interrupted_run_goes_on_to_its_end(
    interrupted: tuple[Path, str], tmp_path: Path
) -> None:
    out = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    first = clearsight.Run.load(out).history
    done = run_cli("train", "--resume", str(out))
    assert done.returncode == 0, done.stderr
    assert f"Going on with {out} after 1 of 3 epochs." in done.stdout
    run = clearsight.Run.load(out)
    assert run.record.status == "finished"
    assert [epoch.epoch for epoch in run.history] == [1, 2, 3]
    assert run.history[0] == first[0]
    assert run.history[2].loss < first[0].loss
    assert run.results.test_count == 500
    assert not run.record.reproducible
    assert "resumed" in run.record.reproducible_because

    again = run_cli("train", "--resume", str(out))
    assert_refused(again, "has already done 3 epochs", "--epochs 13")
    longer = run_cli("train", "--resume", str(out), "--epochs", "4", "--json")
    assert longer.returncode == 0, longer.stderr
    assert json.loads(longer.stdout)["test_count"] == 500
    assert len(clearsight.Run.load(out).history) == 4


def test_changed_pictures_are_refused(interrupted: tuple[Path, str], tmp_path: Path) -> None:
    out = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    record = json.loads((out / "run.json").read_text())
    record["data"]["train"]["sha256"] = "0" * 64
    (out / "run.json").write_text(json.dumps(record))
    assert_refused(
        run_cli("train", "--resume", str(out)), "was trained on pictures with SHA-256 00"
    )


@pytest.mark.parametrize("recipe", ["lesson", "fast"])
def test_a_killed_run_goes_on_from_its_last_epoch(recipe: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(
        out, "--train-limit", "9000", "--epochs", "3", "--test-limit", "500", "--recipe", recipe
    )
    wait_for(out / "history.csv", process)
    process.kill()
    process.communicate()
    assert json.loads((out / "run.json").read_text())["status"] == "running"
    done = run_cli("train", "--resume", str(out))
    assert done.returncode == 0, done.stderr
    assert len(clearsight.Run.load(out).history) == 3


def test_resume_stands_alone(interrupted: tuple[Path, str]) -> None:
    done = run_cli("train", "digits", "--resume", str(interrupted[0]), "--batch-size", "3")
    assert_refused(done, "stands alone or with --epochs, but", "batch_size, source was given")
