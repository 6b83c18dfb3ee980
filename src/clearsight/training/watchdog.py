"""Noticing that no batch comes any more: a data worker or a disk that hangs."""

from __future__ import annotations

import threading
import time
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.stopping import Stopper

# Longer than any batch takes to be read; a network disk that pauses comes back within this.
PATIENCE_SECONDS = 300.0
_LOOKS = 10  # within that time


class DataHungError(Exception):
    """The next batch did not come.

    Attributes:
        seconds: how long it was waited for.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class WatchData(keras.callbacks.Callback):
    """Leaves `fit` with a `DataHungError` when a batch has not come in time.

    Only the time between two training steps counts, in which nothing but data is waited for; a slow
    step is a slow step.

    Args:
        stopper: reaches the main thread, which waits.
    """

    def __init__(self, stopper: Stopper) -> None:
        super().__init__()
        self._stopper = stopper
        self._patience_seconds = PATIENCE_SECONDS
        self._waiting_since: float | None = None
        self._is_over = threading.Event()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin to look."""
        del logs
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Wait for the first batch."""
        del epoch, logs
        self._waiting_since = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """It has come."""
        del batch, logs
        self._waiting_since = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Wait for the next one."""
        del batch, logs
        self._waiting_since = time.monotonic()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """The epoch's batches have all come."""
        del logs
        self._waiting_since = None

    def close(self) -> None:
        """Look no more."""
        self._is_over.set()

    def _look(self) -> None:
        while not self._is_over.wait(self._patience_seconds / _LOOKS):
            since = self._waiting_since
            if since is not None and time.monotonic() - since > self._patience_seconds:
                self._waiting_since = None
                self._stopper.interrupt(DataHungError(self._patience_seconds))
