"""Keras's list of callbacks, calling after each batch only those that want it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from clearsight.models.backend import keras

_REDRAW_SECONDS = 0.05  # Keras's progress bar draws itself no more often


class InThisThread(keras.callbacks.Callback):
    """Makes Keras call every callback of a list from the thread that trains.

    Where no callback has a hook for the end of a batch, Keras calls them from another thread. What
    a batch's logs are read from may by then count the next one, or half of it.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing, but be there."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing, but be there."""


class AtEpochBegin(InThisThread):
    """Calls a function at the beginning of every epoch."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Call it."""
        del epoch, logs
        self._function()


def and_also(callbacks: Any, callback: InThisThread) -> Any:
    """Return what `fit` takes as callbacks, with one more that keeps them all in this thread."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        everything: Any = callbacks
        everything.append(callback)
        everything._configure_async_dispatch(everything.callbacks)
        return everything
    return [*keras.tree.flatten(callbacks or []), callback]


def in_this_thread(callbacks: Any) -> Any:
    """Return what `evaluate` takes as callbacks, called from the thread that evaluates."""
    is_list = isinstance(callbacks, keras.callbacks.CallbackList)
    if is_list and any(isinstance(callback, InThisThread) for callback in callbacks.callbacks):
        return callbacks  # evaluated within `fit`
    return and_also(callbacks, InThisThread())


class BatchedCallbacks(keras.callbacks.CallbackList):
    """A `keras.callbacks.CallbackList` that costs next to nothing a batch.

    Keras reads every metric out for every callback after every batch. Here a callback without a
    hook for batches is not called for them, and the progress bar reads metrics when it draws.
    """

    def __init__(self, callbacks: Any, **kwargs: Any) -> None:
        super().__init__(in_this_thread(callbacks), **kwargs)
        self._drawn_at = 0.0
        self._at = {
            (hook, mode): [c for c in self.callbacks if _has_hook(c, hook, mode)]
            for hook in ("begin", "end")
            for mode in ("train", "test", "predict")
        }

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
    if isinstance(callback, InThisThread):
        return False
    names = [f"on_{mode}_batch_{hook}"]
    if mode == "train":
        names.append(f"on_batch_{hook}")  # what the default of the former calls
    plain = keras.callbacks.Callback
    return any(getattr(type(callback), name) is not getattr(plain, name) for name in names) or any(
        name in vars(callback)
        for name in names  # LambdaCallback sets its hooks on the object
    )
