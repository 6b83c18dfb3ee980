"""One training: Keras's own `fit` on prepared arrays, recorded epoch by epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.engine.optimizers.muon import Muon
from clearsight.models.backend import keras
from clearsight.training.augment import AugmentedBatches, EpochTeller
from clearsight.training.checkpoint.saving import SaveAndGoOn, Saving
from clearsight.training.early_stopping import StopEarly, is_over
from clearsight.training.examples import Examples, ImageBatches
from clearsight.training.history import History
from clearsight.training.progress import Progress
from clearsight.training.recipe import Recipe
from clearsight.training.recorder import EpochRecorder
from clearsight.training.schedule import LearningRateSchedule
from clearsight.training.steps import watched_steps
from clearsight.training.stopping import Stopper, StopRequested, TrainingStoppedError
from clearsight.training.watchdog import WatchData


@dataclass(frozen=True)
class FitData:
    """What a network learns from and validates on; for targets see `targets_of`."""

    train: Examples
    validation: Examples


_ADAM_SHARE = 0.2  # Muon's own rms_rate, so that Adam's and Muon's steps are of one size


def compile_model(model: keras.Model, recipe: Recipe) -> None:
    """Give the model the recipe's optimizer, loss and metric.

    Smoothed labels are shares of all classes, so that then targets are one-hot; see `targets_of`.
    """
    smoothing = recipe.label_smoothing
    model.compile(
        optimizer=_optimizer(model, recipe),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def _optimizer(model: keras.Model, recipe: Recipe) -> keras.optimizers.Optimizer:
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(
            recipe.learning_rate, beta_2=recipe.beta_2, weight_decay=recipe.weight_decay or None
        )
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    return Muon(
        recipe.learning_rate,
        momentum=recipe.momentum,
        ns_steps=4,  # of 3, 4 and 5 the fewest that lost no accuracy
        adam_lr_ratio=_ADAM_SHARE,  # pyright: ignore[reportArgumentType] - Keras multiplies by it
        adam_beta_2=recipe.beta_2,
        weight_decay=recipe.weight_decay,
        adam_weight_decay=recipe.weight_decay,
        exclude_layers=[f"(^|/){re.escape(last.name)}/"],
    )


def targets_of(labels: np.ndarray, num_classes: int, recipe: Recipe) -> np.ndarray:
    """Return labels int64 (N,) as the recipe's loss takes them: so, or one-hot float32 (N, K)."""
    return np.eye(num_classes, dtype=np.float32)[labels] if recipe.label_smoothing else labels


def fit_model(
    model: keras.Model,
    data: FitData,
    recipe: Recipe,
    *,
    saving: Saving,
    stopper: Stopper,
    progress: Progress,
) -> History:
    """Train a compiled model from where it stands to the recipe's last epoch, or its patience's.

    Args:
        model: compiled, maps x to class probabilities; it holds what `saving.start` holds.
        data: images with targets.
        recipe: epochs and batch size are taken from it.
        saving: where to begin, and where checkpoints go.
        stopper: ends the training early.
        progress: shows what is going on.

    Returns:
        All epochs, those before `saving.start` included.

    Raises:
        OutputError: when the last checkpoint cannot be written.
        StopRequested: when a signal came; what was trained until then has been saved.
        TrainingStoppedError: when it cannot go on; what was saved last is where to resume from.
    """
    if is_over(saving.earlier, recipe.patience):
        return saving.earlier
    start = saving.start
    if start is not None:
        start.now.restore()
    batches = AugmentedBatches(data.train, recipe)
    validation = ImageBatches(data.validation, recipe.batch_size, shuffle=False)
    if start is not None and not start.is_initial:
        batches.go_on(start.part("batches"))
    recorder = EpochRecorder(saving.earlier)
    saver = SaveAndGoOn(saving, batches, recorder)
    watchdog = WatchData(stopper)
    callbacks: list[Any] = [
        recorder, progress.callback(recorder), watchdog, saver, stopper.callback,
    ]  # fmt: skip
    callbacks += _schedule(recipe, batches, len(saving.earlier))
    callbacks += [StopEarly(recorder, recipe.patience)] if recipe.patience else []
    if start is not None and recipe.schedule == "constant":
        optimizer: Any = model.optimizer
        optimizer.learning_rate.assign(recipe.learning_rate)
    try:
        with progress, watched_steps(model, batches):
            _fit(model, (batches, validation), recipe, callbacks, len(saving.earlier))
    except StopRequested as stop:
        stop.place = saver.place
        if stop.is_between_batches:
            saver.save_where_stopped()
        raise
    except Exception as error:
        saving.writer.settle()
        raise TrainingStoppedError(saver.place) from error
    finally:
        watchdog.close()
        stopper.fitting(False)
    saving.writer.finish()
    return recorder.history


def fit_unsaved(model: keras.Model, data: FitData, recipe: Recipe) -> None:
    """Train a compiled model that is thrown away afterwards, so that nothing of it is kept.

    Args:
        model: compiled, maps x to class probabilities.
        data: images with targets.
        recipe: epochs and batch size are taken from it.
    """
    batches = AugmentedBatches(data.train, recipe)
    validation = ImageBatches(data.validation, recipe.batch_size, shuffle=False)
    _fit(model, (batches, validation), recipe, _schedule(recipe, batches, 0), 0)


def _schedule(recipe: Recipe, batches: AugmentedBatches, num_epochs_done: int) -> list[Any]:
    """Return the callback that changes the learning rate, where the recipe wants any."""
    if recipe.schedule == "constant":
        return []
    return [LearningRateSchedule(recipe, batches.num_batches, first_epoch=num_epochs_done)]


def _fit(
    model: keras.Model,
    batches: tuple[AugmentedBatches, ImageBatches],
    recipe: Recipe,
    callbacks: list[Any],
    num_epochs_done: int,
) -> None:
    """Call Keras's `fit` with batches to learn from and batches to validate on."""
    training, validation = batches
    model.fit(
        training,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        initial_epoch=num_epochs_done,
        # A tuple: a lone adapter would be taken for the images of a pair.
        validation_data=(validation, None, None),
        callbacks=[EpochTeller(training), *callbacks],
        verbose=0,  # pyright: ignore[reportArgumentType] - Keras documents 0
    )
