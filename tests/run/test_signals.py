"""A training process saves its progress on a signal, ends soon, and says which in its exit code."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import clearsight
from clearsight.run.store.listing import state_of
from clearsight.run.store.lock import is_locked
from clearsight.training.checkpoint.checkpoint import read_newest_checkpoint
from support.figures import ReportFigure
from support.training_processes import begin_command, wait_for

TRAIN = ["train", "fashion-mnist", "--train-limit", "2000", "--test-limit", "100"]


def test_each_signal_saves_progress_and_sets_the_exit_code(
    tmp_path: Path, report_figure: ReportFigure
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        out, printed = tmp_path / number.name, tmp_path / f"{number.name}.txt"
        process = begin_command([*TRAIN, "--epochs", "50", "--out", str(out)], printed)
        wait_for(out / "history.csv", process)
        assert process.pid is not None
        sent_at = time.monotonic()
        os.kill(process.pid, number)
        process.join(60)
        seconds = time.monotonic() - sent_at
        text = printed.read_text()
        assert process.exitcode == 128 + number, text
        report_figure(f"{number.name}: saved and ended within {seconds:.2f} s")
        assert "Traceback" not in text
        assert f"clearsight train --resume {out}" in text
        run = clearsight.Run.load(out)
        assert run.record.status == "interrupted"
        checkpoint = read_newest_checkpoint(run.folder.checkpoints_path).checkpoint
        assert checkpoint is not None
        where = f"epoch {checkpoint.epochs_done + 1}, after batch {checkpoint.num_batches}"
        assert run.record.interrupted_at == where
        assert state_of(run.folder, run.record) == ("interrupted", f"in {where}")


SLOW_NETWORK = """
import time
import keras

@keras.saving.register_keras_serializable("tests")
class Slow(keras.layers.Layer):
    def call(self, x, training=False):
        for _ in range(600 if training else 0):
            time.sleep(0.05)
        return x * 1.0

def network(input_shape, num_classes):
    return keras.Sequential([keras.Input(input_shape), Slow(), keras.layers.Flatten(),
        keras.layers.Dense(num_classes, "softmax")])
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_hurried", [True, False])
def test_a_long_batch_is_abandoned(tmp_path: Path, is_hurried: bool) -> None:
    """After some seconds, or at once after a second Ctrl-C; the last checkpoint remains."""
    (tmp_path / "slow.py").write_text(SLOW_NETWORK)
    out, printed = tmp_path / "run", tmp_path / "printed.txt"
    options = ["--model", f"{tmp_path}/slow.py:network", "--batch-size", "64", "--out", str(out)]
    process = begin_command([*TRAIN, *options], printed)
    wait_for(out / "run.json", process)
    time.sleep(1.0)  # into the first batch
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    if is_hurried:
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
    process.join(60)
    text = printed.read_text()
    assert process.exitcode == 130, text
    assert "press Ctrl-C again to stop at once" in text
    assert ("Interrupted at once." in text) == is_hurried
    assert "The last checkpoint is saved" in text
    assert not is_locked(out)
    checkpoint = read_newest_checkpoint(out / "checkpoints").checkpoint
    assert checkpoint is not None
    assert checkpoint.is_initial


@pytest.mark.slow
def test_two_processes_do_not_train_into_one_folder(tmp_path: Path) -> None:
    out, printed = tmp_path / "run", tmp_path / "printed.txt"
    first = begin_command([*TRAIN, "--epochs", "50", "--out", str(out)], printed)
    wait_for(out / "run.json", first)
    assert is_locked(out)
    run = clearsight.Run.load(out)
    assert state_of(run.folder, run.record) == ("running", "")
    second = begin_command(["train", "--resume", str(out)], tmp_path / "second.txt")
    second.join(60)
    text = (tmp_path / "second.txt").read_text()
    assert second.exitcode == 2, text
    assert f"Only one process should write to {out}, but process {first.pid} does already" in text
    first.kill()
    first.join()
    assert not is_locked(out), "a killed process leaves no lock behind"
    assert state_of(run.folder, run.record) == ("interrupted", "its process died")
