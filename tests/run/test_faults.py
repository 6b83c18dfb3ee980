"""What can go wrong in a training, for real: one sentence, and a run that can be resumed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.data.sources.fashion_mnist import locate
from clearsight.data.splits.splits import Splits
from clearsight.errors import ClearsightError, OutputError, RequestError, RunError, TrainingError
from clearsight.io.console import TextConsole
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import resume_request
from clearsight.run.train import Display, run_plan
from clearsight.training.augment import AugmentedBatches
from clearsight.training.checkpoint.checkpoint import (
    Checkpoint,
    checkpoint_files,
    read_newest_checkpoint,
)
from clearsight.training.progress import Progress
from clearsight.training.schedule import learning_rate_factor
from support.command_line import BARE, run_cli
from support.disks import fill
from support.training_processes import begin, begin_command, context, train_within, wait_for


def weights_of(run: clearsight.Run) -> list[np.ndarray]:
    return [weight.numpy() for weight in run.model.weights]


@pytest.fixture
def finished(digits_run_of_two_epochs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(digits_run_of_two_epochs, tmp_path / "run"))


def test_a_non_finite_loss_stops_the_run_before_the_weights_change(
    tmp_path: Path,
) -> None:
    out = tmp_path / "run"
    with pytest.raises(TrainingError) as caught:
        clearsight.train(
            "digits",
            learning_rate=1e30,
            epochs=2,
            out=out,
            report=False,
            bundle=False,
            verbose=False,
        )
    text = str(caught.value)
    assert "did not in epoch 1, after batch 1 ('conv2d_1' is the first layer with a value" in text
    assert "its batch: training images 57, 893, 593" in text
    assert f"clearsight.resume('{out}', learning_rate=1e+29, accept_changes=True)" in text
    run = clearsight.Run.load(out)
    assert (run.record.status, run.record.failed_because) == ("failed", text)

    with pytest.raises(RunError, match=r"learning rate was 1e\+30, is 0\.001\. Restore"):
        clearsight.resume(out, learning_rate=0.001, report=False, bundle=False, verbose=False)
    run = clearsight.resume(
        out, learning_rate=0.001, accept_changes=True, report=False, bundle=False, verbose=False
    )
    assert run.record.status == "finished"
    assert run.record.request.recipe.learning_rate == 0.001
    assert "learning rate was 1e+30, is 0.001" in run.record.changes[0]
    assert not run.record.reproducible
    assert run.history[-1].learning_rate == pytest.approx(0.001)
    assert run.results.val_accuracy > 0.5


def test_a_damaged_checkpoint_is_reported_and_the_previous_one_used(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = clearsight.resume(
        shutil.copytree(finished, finished.with_name("expected")),
        epochs=3,
        report=False,
        bundle=False,
        verbose=False,
    )
    newest = checkpoint_files(finished / "checkpoints")[-1].path
    newest.write_bytes(newest.read_bytes()[:-100])
    run = clearsight.resume(finished, epochs=3)
    said = " ".join(capsys.readouterr().out.split())
    assert f"The checkpoint {newest.name} is damaged" in said
    assert "after 1 of 3 epochs" in said
    for found, wanted in zip(weights_of(run), weights_of(expected), strict=True):
        assert np.array_equal(found, wanted)
    files = checkpoint_files(finished / "checkpoints")
    assert newest not in {file.path for file in files}
    assert [(file.epochs_done, file.num_batches) for file in files][-2:] == [(2, 0), (3, 0)]
    for file in files:
        file.path.write_bytes(b"nothing")
    with pytest.raises(RunError, match="all are damaged"):
        clearsight.resume(finished, epochs=4)
    shutil.rmtree(finished / "checkpoints")
    with pytest.raises(RunError, match="has none: train again"):
        clearsight.resume(finished, epochs=4)


def test_another_version_is_refused_with_the_difference_or_accepted(finished: Path) -> None:
    newest = checkpoint_files(finished / "checkpoints")[-1]
    checkpoint = Checkpoint.read(newest.path)
    versions = {**checkpoint.identity["versions"], "keras": "3.0.1"}
    newest.path.unlink()
    replace(checkpoint, identity={**checkpoint.identity, "versions": versions}).write(
        newest.path.parent
    )
    import keras

    expected = f"keras was 3.0.1, is {keras.__version__}"
    with pytest.raises(RunError, match=expected):
        clearsight.resume(finished, epochs=3)
    run = clearsight.resume(
        finished, epochs=3, accept_changes=True, report=False, bundle=False, verbose=False
    )
    assert expected in run.record.changes[0]


def test_other_images_are_refused_or_accepted(small_fashion: Splits, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first, second = small_fashion.train.first(600), small_fashion.train.first(700)
    options: dict[str, Any] = {"recipe": "lesson", "epochs": 1, "report": False, "verbose": False}
    clearsight.train(Splits(first, small_fashion.test), out=out, **options)
    same = Splits(first, small_fashion.test)
    run = clearsight.resume(out, data=same, epochs=2, report=False, bundle=False, verbose=False)
    assert run.record.reproducible
    other = Splits(second, small_fashion.test)
    with pytest.raises(RunError, match=r"have changed: 100 images were added\."):
        clearsight.resume(out, data=other, epochs=3)
    run = clearsight.resume(
        out, data=other, epochs=3, accept_changes=True, report=False, bundle=False, verbose=False
    )
    assert run.record.data["train"].num_images == 700
    assert run.results.train_count == 560
    assert run.record.changes[0].endswith("100 images were added")
    fewer = Splits(small_fashion.train.first(700).take(np.arange(700)))
    with pytest.raises(RunError, match=r"500 images were removed, modified or given"):
        clearsight.resume(out, data=fewer, epochs=4)
    renamed = replace(fewer.train, class_names=tuple("abcdefghij"))
    with pytest.raises(RunError, match="should have the run's classes"):
        clearsight.resume(out, data=renamed, epochs=4, accept_changes=True)


def test_a_stretched_schedule_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    clearsight.train(
        "digits", recipe="fast", epochs=2, out=out, report=False, bundle=False, verbose=False
    )
    run = clearsight.resume(out, epochs=4)
    said = " ".join(capsys.readouterr().out.split())
    assert "It now has 4 epochs instead of 2." in said
    assert "The triangular schedule is stretched to 4 epochs: about" in said
    recipe = run.record.request.recipe
    steps = -(-run.results.train_count // recipe.batch_size)
    rates = [epoch.learning_rate / recipe.learning_rate for epoch in run.history]
    ends = [learning_rate_factor(recipe, k * steps - 1, 4 * steps) for k in (1, 2, 3, 4)]
    assert rates[2:] == pytest.approx(ends[2:])
    assert rates[1] < ends[2], "the run's own schedule had come down further"
    assert "4 epochs after a schedule for 2" in run.record.reproducible_because


def test_wrong_options_of_a_resumption_are_explained(finished: Path) -> None:
    for options, message in (
        ({"batch_size": 0}, "batch_size = 0"),
        ({"checkpoint_minutes": -1.0}, r"checkpoint_minutes = -1\.0"),
        ({"optimizer": "sgd"}, "optimizer was given"),
    ):
        with pytest.raises(RequestError, match=message):
            clearsight.resume(finished, **options)
    done = run_cli("train", *BARE, "digits", "--accept-changes")
    assert done.returncode == 2
    assert "--accept-changes needs --resume RUN" in done.stderr


def test_a_disk_too_small_is_reported_before_training(small_disks: Callable[[int], Path]) -> None:
    disk = small_disks(2_000_000)
    with pytest.raises(OutputError, match=r"needs about \d+ MB .* has 2 MB left: free some"):
        clearsight.train("digits", out=disk / "run", report=False, bundle=False, verbose=False)
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_a_disk_that_fills_up_at_random_moments_loses_no_intact_checkpoint(
    small_disks: Callable[[int], Path], digits_run_of_two_epochs: Path, seed: int
) -> None:
    """Another process fills the disk and frees it again while a run trains on it."""
    draw = np.random.default_rng(seed)
    disk = small_disks(12_000_000)
    out, filler = disk / "run", disk / "filler"
    options = {"epochs": 5, "checkpoint_minutes": 0.001}
    process = begin(out, "digits", options)
    wait_for(out / "run.json", process)
    good: tuple[int, int] = (0, 0)
    while process.is_alive():
        time.sleep(draw.uniform(0.0, 0.3))
        fill(filler)
        time.sleep(draw.uniform(0.0, 0.3))
        checkpoint = read_newest_checkpoint(out / "checkpoints").checkpoint
        assert checkpoint is not None, "the last good one must stay"
        place = (checkpoint.epochs_done, checkpoint.num_batches)
        assert place >= good
        good = place
        filler.unlink()
    process.join()
    run = clearsight.Run.load(out)
    assert (run.record.status == "finished") == (process.exitcode == 0)
    if process.exitcode != 0:
        run = clearsight.resume(out, report=False, bundle=False, verbose=False)
    expected = clearsight.train(
        "digits",
        epochs=5,
        out=disk.with_name("expected"),
        report=False,
        bundle=False,
        verbose=False,
    )
    assert run.record.status == "finished"
    for found, wanted in zip(weights_of(run), weights_of(expected), strict=True):
        assert np.array_equal(found, wanted)


def test_a_folder_that_cannot_be_written_to_is_reported(
    finished: Path, small_disks: Callable[[int], Path]
) -> None:
    disk = small_disks(20_000_000)
    out = Path(shutil.copytree(finished, disk / "run"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(RunError, match="should be a folder that can be written to, but lock"):
        clearsight.resume(out, epochs=3, report=False, bundle=False, verbose=False)
    with pytest.raises(ClearsightError, match="cannot be: Read-only file system"):
        clearsight.train("digits", out=disk / "new", report=False, bundle=False, verbose=False)


def test_missing_data_are_reported_and_the_run_resumes_once_they_are_back(
    tmp_path: Path,
) -> None:
    place = locate()
    assert place is not None
    data = tmp_path / "data"
    data.mkdir()
    for file in Path(place).glob("*ubyte*"):
        shutil.copy(file, data)
    out, said = tmp_path / "run", tmp_path / "said.txt"
    options = ["--train-limit", "1000", "--test-limit", "50", "--epochs", "40", "--out", str(out)]
    process = begin_command(["train", "fashion-mnist", "--data-dir", str(data), *options], said)
    wait_for(out / "history.csv", process)
    data.rename(tmp_path / "away")
    assert process.pid is not None
    os.kill(process.pid, 15)
    process.join(60)
    assert process.exitcode == 143
    with pytest.raises(ClearsightError, match=f"{data}"):
        clearsight.resume(out, report=False, bundle=False, verbose=False)
    done = newest_epochs(out)
    run = clearsight.resume(
        out, epochs=done + 1, data_dir=tmp_path / "away", report=False, bundle=False, verbose=False
    )
    assert len(run.history) == done + 1
    assert str(run.record.request.source_options.data_dir) == str(tmp_path / "away")


def newest_epochs(out: Path) -> int:
    checkpoint = read_newest_checkpoint(out / "checkpoints").checkpoint
    assert checkpoint is not None
    return checkpoint.epochs_done


def test_a_file_that_vanishes_while_training_reads_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "brightness.npy"
    np.save(file, np.float32(0.5))
    whole = AugmentedBatches.prepare

    def from_file(self: AugmentedBatches, places: Any, batch: Any) -> Any:
        images, targets = whole(self, places, batch)
        factor = float(np.load(file))
        if self.epoch or len(places) < 64:  # the end of the first epoch
            file.unlink(missing_ok=True)
        return images * factor, targets

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(AugmentedBatches, "prepare", from_file)
        with pytest.raises(TrainingError) as caught:
            clearsight.train("digits", epochs=3, out=out, report=False, bundle=False, verbose=False)
    text = str(caught.value)
    assert f"but {file} cannot be read in epoch 2, after batch 0: No such file" in text
    assert clearsight.Run.load(out).record.failed_because == text
    assert newest_epochs(out) == 1


def test_a_run_that_was_resumed_in_the_meantime_is_not_resumed_twice(finished: Path) -> None:
    plan = plan_resume(resume_request(finished, epochs=3))
    clearsight.resume(finished, epochs=4, report=False, bundle=False, verbose=False)
    with pytest.raises(RunError, match="was resumed by another process"):
        run_plan(plan, Display.of(Progress(TextConsole(quiet=True))))
    run = clearsight.Run.load(finished)
    assert run.record.status == "finished"
    assert len(run.history) == 4


def test_an_unfinished_run_predicts_with_its_last_checkpoint(
    digits_run_of_two_epochs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    process = begin(out, "digits", {"epochs": 60})
    wait_for(out / "history.csv", process)
    process.kill()
    process.join()
    run = clearsight.Run.load(out)
    assert not run.folder.model_path.exists()
    assert clearsight.evaluate(run).scores.accuracy.value > 0.15, "better than by chance"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits memory as Linux does")
def test_memory_that_runs_out_is_reported_with_what_to_lower(tmp_path: Path) -> None:
    out = tmp_path / "run"
    receiver, sender = context().Pipe(duplex=False)
    process = context().Process(target=train_within, args=(100_000_000, out, sender))
    process.start()
    sender.close()  # so that a process that dies is an error here
    text = receiver.recv()
    process.join()
    assert "memory should hold a batch of 512 images in training, but ran out in epoch 1" in text
    assert "lower batch_size= (now 512), train_limit= or the size of the network" in text
    assert f"clearsight.resume('{out}', batch_size=256, accept_changes=True)" in text
    assert clearsight.Run.load(out).record.failed_because == text
    checkpoint = read_newest_checkpoint(out / "checkpoints").checkpoint
    assert checkpoint is not None
    assert checkpoint.is_initial
