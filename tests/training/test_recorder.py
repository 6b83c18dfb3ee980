"""The seconds of an epoch are wall-clock time, whatever they were spent on."""

from __future__ import annotations

import time

import numpy as np

from clearsight.models.backend import keras
from clearsight.training.recorder import EpochRecorder

_PAUSE = 0.05  # seconds


def test_what_happens_between_epochs_counts() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = np.zeros((4, 2), "float32"), np.zeros(4, "int64")
    recorder = EpochRecorder(())
    pause = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: time.sleep(_PAUSE), on_epoch_end=lambda *_: time.sleep(_PAUSE)
    )
    before = time.perf_counter()
    model.fit(
        images,
        labels,
        validation_data=(images, labels),
        epochs=3,
        callbacks=[recorder, pause],
        verbose=0,  # pyright: ignore[reportArgumentType] - Keras documents 0
    )
    wall_seconds = time.perf_counter() - before
    total = sum(epoch.seconds for epoch in recorder.history)
    assert 5 * _PAUSE <= total <= wall_seconds  # what comes after the last epoch is no epoch's
