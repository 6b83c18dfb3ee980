"""The Keras callbacks that record epochs and stop cleanly on Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.history import Epoch, History


class EpochRecorder(keras.callbacks.Callback):
    """Keeps one `Epoch` for each epoch that Keras finishes.

    Args:
        earlier: epochs of a run that is resumed.
        on_epoch: called with all epochs so far after each one.
    """

    def __init__(self, earlier: History, on_epoch: Callable[[History], None]) -> None:
        super().__init__()
        self.history = earlier
        self._on_epoch = on_epoch
        self._started_at = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        del epoch, logs
        self._started_at = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        model: Any = self.model
        row = Epoch(
            epoch=epoch + 1,
            loss=values["loss"],
            accuracy=values["accuracy"],
            val_loss=values["val_loss"],
            val_accuracy=values["val_accuracy"],
            seconds=time.perf_counter() - self._started_at,
            learning_rate=float(model.optimizer.learning_rate.numpy()),
        )
        self.history = (*self.history, row)
        self._on_epoch(self.history)


class StopRequested(BaseException):
    """Raised between two batches to leave Keras's `fit` at once.

    Attributes:
        epoch: the unfinished epoch, counted from 1.
        num_batches: how many of its batches are done.
    """

    def __init__(self, epoch: int, num_batches: int) -> None:
        super().__init__(epoch, num_batches)
        self.epoch = epoch
        self.num_batches = num_batches


class StopBetweenBatches(keras.callbacks.Callback):
    """Leaves `fit` after the current batch once `requested` is set.

    Keras's own ``stop_training`` would still validate and record the unfinished epoch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requested = False
        self._epoch = 0
        self._num_batches = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember where training is."""
        del logs
        self._epoch, self._num_batches = epoch + 1, 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Leave here if asked to."""
        del logs
        self._num_batches = batch + 1
        self._leave_if_requested()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Leave validation too if asked to."""
        del batch, logs
        self._leave_if_requested()

    def _leave_if_requested(self) -> None:
        if self.requested:
            raise StopRequested(self._epoch, self._num_batches)


@contextmanager
def ctrl_c_stops(stop: StopBetweenBatches, announce: Callable[[str], None]) -> Iterator[None]:
    """Let the first Ctrl-C stop after the current batch and the second one at once.

    Outside the main thread Python delivers no signals, so there it changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request(signal_number: int, frame: FrameType | None) -> None:
        del signal_number, frame
        stop.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        announce("Stopping after this batch; press Ctrl-C again to leave at once.")

    before = signal.signal(signal.SIGINT, request)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
