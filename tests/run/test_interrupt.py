"""Ctrl-C for real: a signal to a training process, and how the run is resumed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import clearsight
from clearsight.errors import RunError
from support.command_line import BARE, assert_refused, run_cli


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
    raise AssertionError(f"{path} was never written")


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that was interrupted by Ctrl-C in its second epoch, and what it printed."""
    out = tmp_path_factory.mktemp("interrupted") / "run"
    process = start(out, "--train-limit", "4000", "--epochs", "3", "--test-limit", "500")
    wait_for(out / "history.csv", process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    return out, stderr


def test_ctrl_c_keeps_finished_epochs_and_says_how_to_resume(interrupted: tuple[Path, str]) -> None:
    out, printed = interrupted
    assert "Interrupted in epoch 2, after batch" in printed
    assert f"clearsight train --resume {out}" in printed
    assert "Traceback" not in printed
    assert {path.name for path in out.iterdir()} == {
        "run.json", "history.csv", "model.keras", "checkpoints", "split.csv",
    }  # fmt: skip
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "interrupted"
    run = clearsight.Run.load(out)
    assert len(run.history) == 1
    with pytest.raises(RunError, match="has no results, because it has not finished"):
        _ = run.results


@pytest.mark.slow
def test_an_interrupted_run_can_be_resumed_to_its_end(
    interrupted: tuple[Path, str], tmp_path: Path
) -> None:
    """With more epochs added later, it ends like a run that had them from the start."""
    out = Path(shutil.copytree(interrupted[0], tmp_path / "run"))
    first = clearsight.Run.load(out).history
    done = run_cli("train", "--resume", str(out), *BARE)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Resuming \S+ after 1 of 3 epochs and \d+ batches of epoch 2", done.stdout)
    run = clearsight.Run.load(out)
    assert run.record.status == "finished"
    assert [epoch.epoch for epoch in run.history] == [1, 2, 3]
    assert run.history[0] == first[0]
    assert run.results.test_count == 500
    assert run.record.reproducible
    assert "after epoch 1 and" in run.record.resumptions[0]

    again = run_cli("train", "--resume", str(out))
    assert_refused(again, "has already trained for 3 epochs", "--epochs 13")
    longer = run_cli("train", "--resume", str(out), "--epochs", "4", "--json", *BARE)
    assert longer.returncode == 0, longer.stderr
    assert json.loads(longer.stdout)["test_count"] == 500
    assert "It now has 4 epochs instead of 3." in longer.stderr
    assert "The learning rate stays 0.001: its schedule is constant." in longer.stderr
    whole = tmp_path / "whole"
    clearsight.train(
        "fashion-mnist",
        train_limit=4000,
        epochs=4,
        test_limit=500,
        out=whole,
        report=False,
        bundle=False,
        verbose=False,
    )
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
        found, expected = (
            [getattr(epoch, name) for epoch in clearsight.Run.load(path).history]
            for path in (out, whole)
        )
        assert found == expected, name


def test_resume_accepts_no_other_source_or_seed(interrupted: tuple[Path, str]) -> None:
    done = run_cli("train", "--resume", str(interrupted[0]), "--seed", "3", "--seeds", "2")
    assert_refused(done, "may change, but seed, seeds was given")
    done = run_cli("train", "digits", "--resume", str(interrupted[0]), *BARE)
    assert_refused(done, "should be resumed as it began", "removed, modified or given another")
