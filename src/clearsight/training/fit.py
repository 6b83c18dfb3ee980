"""One training: Keras's own `fit` on prepared arrays, recorded epoch by epoch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.engine.muon import Muon
from clearsight.models.backend import keras
from clearsight.training.augment import AugmentedBatches
from clearsight.training.callbacks import EpochRecorder, StopBetweenBatches, ctrl_c_stops
from clearsight.training.examples import Examples, PictureBatches
from clearsight.training.history import History
from clearsight.training.progress import Progress
from clearsight.training.recipe import Recipe
from clearsight.training.schedule import LearningRateSchedule


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
        return keras.optimizers.Adam(recipe.learning_rate, beta_2=recipe.beta_2)
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    return Muon(
        recipe.learning_rate,
        momentum=recipe.momentum,
        ns_steps=4,  # of 3, 4 and 5 the fewest that lost no accuracy
        adam_lr_ratio=_ADAM_SHARE,  # pyright: ignore[reportArgumentType] - Keras multiplies by it
        adam_beta_2=recipe.beta_2,
        weight_decay=0.0,
        adam_weight_decay=0.0,
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
    earlier: History,
    on_epoch: Callable[[History], None],
    progress: Progress,
) -> History:
    """Train a compiled model for the epochs that are not done yet.

    Args:
        model: compiled, maps x to class probabilities.
        data: pictures with targets.
        recipe: epochs and batch size are taken from it.
        earlier: the epochs done before, when a run is resumed.
        on_epoch: called with all epochs so far after each one.
        progress: shows what is going on.

    Returns:
        All epochs, `earlier` included.

    Raises:
        StopRequested: when Ctrl-C came; the model then holds the weights after the last batch.
    """
    recorder = EpochRecorder(earlier, on_epoch)
    stop = StopBetweenBatches()
    callbacks: list[Any] = [recorder, progress.callback(recorder), stop]
    batches = AugmentedBatches(data.train, recipe, first_epoch=len(earlier))
    validation = PictureBatches(data.validation, recipe.batch_size, shuffle=False)
    if recipe.schedule != "constant":
        num_steps, first = batches.num_batches, len(earlier)
        callbacks.append(LearningRateSchedule(recipe, num_steps, first_epoch=first))
    with ctrl_c_stops(stop, progress.announce), progress:
        model.fit(
            batches,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            initial_epoch=len(earlier),
            # A tuple: a lone adapter would be taken for the pictures of a pair.
            validation_data=(validation, None, None),
            callbacks=callbacks,
            verbose=0,  # pyright: ignore[reportArgumentType] - Keras documents 0
        )
    return recorder.history
