"""Training ends when validation accuracy no longer rises, and the best weights are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError
from clearsight.training.history import best_epoch


@pytest.fixture(scope="module")
def splits() -> Splits:
    """So few images that the network soon memorizes them."""
    train, test = clearsight.load_data("fashion-mnist")
    assert isinstance(test, ImageSet)
    rows = np.arange(200)
    return Splits(train.take(rows), test.take(rows), train.take(rows + 1_000))


OPTIONS: dict[str, Any] = {"recipe": "lesson", "epochs": 30, "report": False, "verbose": False}


def test_it_ends_early_with_the_best_weights(splits: Splits, tmp_path: Path) -> None:
    run = clearsight.train(
        splits, out=tmp_path / "run", recipe_arguments={"patience": 2}, **OPTIONS
    )
    best = best_epoch(run.history)
    assert best is not None
    assert len(run.history) == best + 2 < 30
    assert run.results.weights_of_epoch == best
    assert run.results.val_accuracy == run.history[best - 1].val_accuracy
    validation = splits.validation
    assert validation is not None
    correct = run.predict(validation.images).labels == validation.labels
    assert correct.mean() == pytest.approx(run.history[best - 1].val_accuracy, abs=0.011)
    learned = run.predict(splits.train.images).labels == splits.train.labels
    assert run.results.train_accuracy == pytest.approx(learned.mean())
    assert run.results.gap == pytest.approx(learned.mean() - run.results.val_accuracy)
    with pytest.raises(RunError, match="stopped early, after"):
        clearsight.resume(run.path, data=splits, epochs=40)


@pytest.mark.slow
def test_the_weights_are_those_of_a_training_of_so_many_epochs(
    splits: Splits, tmp_path: Path
) -> None:
    patient = clearsight.train(
        splits, out=tmp_path / "patient", recipe_arguments={"patience": 2}, **OPTIONS
    )
    epochs = patient.results.weights_of_epoch
    short = clearsight.train(splits, out=tmp_path / "short", **{**OPTIONS, "epochs": epochs})
    for one, other in zip(patient.model.get_weights(), short.model.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert patient.results.test_accuracy == short.results.test_accuracy


@pytest.mark.slow
def test_a_resumed_training_ends_where_it_would_have_ended(splits: Splits, tmp_path: Path) -> None:
    """Restoring the best weights does not change where a resumed training starts."""
    options = {**OPTIONS, "recipe_arguments": {"patience": 2}}
    whole = clearsight.train(splits, out=tmp_path / "whole", **options)
    clearsight.train(splits, out=tmp_path / "parts", **{**options, "epochs": 3})
    parts = clearsight.resume(
        tmp_path / "parts", data=splits, epochs=30, report=False, bundle=False, verbose=False
    )
    assert [row.val_loss for row in parts.history] == [row.val_loss for row in whole.history]
    for one, other in zip(parts.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.slow
def test_a_lost_checkpoint_of_the_best_epoch_is_reported(
    splits: Splits, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {**OPTIONS, "epochs": 3, "bundle": False, "recipe_arguments": {"patience": 2}}
    run = clearsight.train(splits, out=tmp_path / "run", **options)
    while "is missing or damaged" not in caplog.text:
        best, done = best_epoch(run.history), len(run.history)
        for path in run.path.glob(f"checkpoints/*epochs-{best}_batches-0_*"):
            if best != done:
                path.unlink()
        run = clearsight.resume(
            run.path, data=splits, epochs=done + 1, report=False, bundle=False, verbose=False
        )
        assert isinstance(run, clearsight.Run)
    assert f"best epoch, {best_epoch(run.history)}, is missing" in caplog.text
    assert run.results.weights_of_epoch == len(run.history)


@pytest.mark.slow
def test_a_training_without_patience_keeps_its_last_weights(splits: Splits, tmp_path: Path) -> None:
    run = clearsight.train(splits, out=tmp_path / "run", **{**OPTIONS, "epochs": 6})
    assert run.results.weights_of_epoch == 6
    assert run.results.val_accuracy == run.history[-1].val_accuracy


def test_recipe_arguments_are_checked(splits: Splits) -> None:
    with pytest.raises(RequestError, match="there is no option 'patients'"):
        clearsight.train(splits, recipe="lesson", recipe_arguments={"patients": 2})
    with pytest.raises(RequestError, match="weight_decay = -1"):
        clearsight.train(splits, recipe="lesson", recipe_arguments={"weight_decay": -1})
