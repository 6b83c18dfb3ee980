"""Keras's list of callbacks, calling after each batch only those that want it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from clearsight.models.backend import keras

_REDRAW_SECONDS = 0.05  # Keras's progress bar draws itself no more often


class BatchedCallbacks(keras.callbacks.CallbackList):
    """A `keras.callbacks.CallbackList` that costs next to nothing a batch.

    Keras reads every metric out for every callback after every batch. Here a callback without a
    hook for batches is not called for them, and the progress bar reads metrics when it draws.
    """

    def __init__(self, *args: Any, on_epoch_begin: Callable[[], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_epoch = on_epoch_begin
        self._drawn_at = 0.0
        self._at = {
            (hook, mode): [c for c in self.callbacks if _has_hook(c, hook, mode)]
            for hook in ("begin", "end")
            for mode in ("train", "test", "predict")
        }

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Call every callback; then the epoch's settings are final."""
        super().on_epoch_begin(epoch, logs)
        self._prepare_epoch()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Call those with a hook of their own."""
        for callback in self._at["begin", "train"]:
            callback.on_train_batch_begin(batch, logs=logs or {})

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Call those with a hook of their own."""
        for callback in self._at["begin", "test"]:
            callback.on_test_batch_begin(batch, logs=logs or {})

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Call those with a hook of their own."""
        for callback in self._at["begin", "predict"]:
            callback.on_predict_batch_begin(batch, logs=logs or {})

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Call those with a hook of their own."""
        for callback in self._at["end", "train"]:
            callback.on_train_batch_end(batch, logs=self._logs_for(callback, logs))

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Call those with a hook of their own."""
        for callback in self._at["end", "test"]:
            callback.on_test_batch_end(batch, logs=self._logs_for(callback, logs))

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Call those with a hook of their own."""
        for callback in self._at["end", "predict"]:
            callback.on_predict_batch_end(batch, logs=logs or {})

    def _logs_for(self, callback: Any, logs: Any) -> Any:
        if logs is None:
            return {}
        if not isinstance(callback, keras.callbacks.ProgbarLogger):
            return logs
        now = time.monotonic()
        if now - self._drawn_at < _REDRAW_SECONDS:
            return {}
        self._drawn_at = now
        return logs


def _has_hook(callback: Any, hook: str, mode: str) -> bool:
    """Tell whether a callback does anything at the begin or end of a batch."""
    names = [f"on_{mode}_batch_{hook}"]
    if mode == "train":
        names.append(f"on_batch_{hook}")  # what the default of the former calls
    plain = keras.callbacks.Callback
    return any(getattr(type(callback), name) is not getattr(plain, name) for name in names) or any(
        name in vars(callback)
        for name in names  # LambdaCallback sets its hooks on the object
    )
