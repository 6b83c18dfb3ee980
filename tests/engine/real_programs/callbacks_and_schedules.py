"""Callbacks of an ordinary training: schedules, plateaus, checkpoints, gradual unfreezing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.models.backend import keras

layers, callbacks = keras.layers, keras.callbacks


def make() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2"),
            layers.SpatialDropout2D(0.2),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(8, "elu", kernel_constraint="unit_norm"),
            layers.AlphaDropout(0.1),
            layers.Dense(3, "softmax"),
        ]
    )


class Unfreezes(callbacks.Callback):
    """Trains the first layer from the second epoch on."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.model.layers[0].trainable = epoch > 0


def train(model: Any) -> Any:
    generator = np.random.default_rng(0)
    x, y = generator.random((40, 8, 8, 2)), np.eye(3)[generator.integers(0, 3, 40)]
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(keras.optimizers.Adam(0.02, clipnorm=1.0), loss, metrics=["accuracy", "mse"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best.weights.h5"
        history = model.fit(
            x,
            y,
            epochs=5,
            batch_size=8,
            validation_split=0.2,
            class_weight={0: 1.0, 1: 3.0, 2: 0.5},
            callbacks=[
                Unfreezes(),
                callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
                callbacks.EarlyStopping(patience=2, restore_best_weights=True),
                callbacks.ModelCheckpoint(path, save_best_only=True, save_weights_only=True),
                callbacks.LearningRateScheduler(lambda _, rate: rate * 0.9),
            ],
            verbose=0,
        ).history
        model.load_weights(path)
    return [history, model.evaluate(x, y, verbose=0), model.get_weights()]
