"""The overhead of Keras's `fit` around a training step: batches, callbacks, metrics, progress.

The step itself is replaced by one that does nothing, so that all that is left is bookkeeping.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from typing import Any

import numpy as np

import clearsight
from clearsight.engine.metrics import DeferredLogs
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

_NUM_IMAGES, _BATCH_SIZE, _ROUNDS = 12_800, 64, 5


def main() -> None:
    """Measure and print milliseconds a step."""
    x = np.zeros((_NUM_IMAGES, 28, 28, 1), np.float32)
    y = np.zeros(_NUM_IMAGES, np.int64)
    print("| `fit` | progress bar | median ms a step (least to most) of 5 epochs |\n|---|---|---|")
    for name, is_accelerated in (("plain Keras", False), ("accelerated", True)):
        for verbose in (0, 1):
            times = _milliseconds(x, y, is_accelerated=is_accelerated, verbose=verbose)
            spread = f"{min(times):.2f} to {max(times):.2f}"
            print(f"| {name} | {bool(verbose)} | {statistics.median(times):.2f} ({spread}) |")


def _milliseconds(
    x: np.ndarray, y: np.ndarray, *, is_accelerated: bool, verbose: Any
) -> list[float]:
    model: Any = build_model(ModelRequest("lesson"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    if is_accelerated:
        clearsight.accelerate(model)
    model.train_on_batch(x[:2], y[:2])
    model.train_step = lambda _: (
        DeferredLogs(model) if is_accelerated else model.get_metrics_result()
    )
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            del epoch, logs
            self.started_at = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            del epoch, logs
            seconds = time.perf_counter() - self.started_at
            times.append(1_000 * seconds / (_NUM_IMAGES / _BATCH_SIZE))

    with contextlib.redirect_stdout(io.StringIO()):  # of the progress bar
        model.fit(
            x, y, batch_size=_BATCH_SIZE, epochs=_ROUNDS, verbose=verbose, callbacks=[Clock()]
        )
    return times


if __name__ == "__main__":
    main()
