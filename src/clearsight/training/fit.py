"""One training: Keras's own `fit` on prepared arrays, recorded epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.models.backend import keras
from clearsight.training.callbacks import EpochRecorder, StopBetweenBatches, ctrl_c_stops
from clearsight.training.history import History
from clearsight.training.progress import Progress
from clearsight.training.recipe import Recipe


@dataclass(frozen=True)
class FitData:
    """What a network learns from and validates on.

    Attributes:
        x: float32 (N, H, W, C), prepared.
        y: int64 (N,).
        val_x: float32 (M, H, W, C), prepared.
        val_y: int64 (M,).
    """

    x: np.ndarray
    y: np.ndarray
    val_x: np.ndarray
    val_y: np.ndarray


def compile_model(model: keras.Model, recipe: Recipe) -> None:
    """Give the model the recipe's optimizer, loss and metric."""
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


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
        data: prepared arrays.
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
    with ctrl_c_stops(stop, progress.announce), progress:
        model.fit(
            data.x,
            data.y,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            initial_epoch=len(earlier),
            validation_data=(data.val_x, data.val_y),
            callbacks=callbacks,
            verbose=0,  # pyright: ignore[reportArgumentType] - Keras documents 0
        )
    return recorder.history
