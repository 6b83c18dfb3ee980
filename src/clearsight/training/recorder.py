"""A Keras callback that records epochs."""

import time
from typing import Any

from clearsight.models.backend import keras
from clearsight.training.history import Epoch, History


class EpochRecorder(keras.callbacks.Callback):
    """Records an `Epoch` for each epoch that Keras finishes.

    Args:
        earlier: the finished epochs of a resumed run.

    Attributes:
        history: all epochs so far.
    """

    def __init__(self, earlier: History) -> None:
        super().__init__()
        self.history = earlier
        self._started_at = 0.0

    @property
    def seconds(self) -> float:
        """Duration of the unfinished epoch so far."""
        return time.perf_counter() - self._started_at

    def add_seconds(self, seconds: float) -> None:
        """Add the time that the epoch took before the run was interrupted and resumed."""
        self._started_at -= seconds

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the clock: all that happens between epochs counts towards the next one."""
        del logs
        self._started_at = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch."""
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        model: Any = self.model
        row = Epoch(
            epoch=epoch + 1,
            **{name: float((logs or {})[name]) for name in names},
            seconds=self.seconds,
            learning_rate=float(model.optimizer.learning_rate.numpy()),
        )
        self.history = History((*self.history, row))
        self._started_at = time.perf_counter()
