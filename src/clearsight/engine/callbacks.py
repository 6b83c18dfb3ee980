"""Keras's list of callbacks, calling after each batch only those with a hook for batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from clearsight.models.backend import keras
from clearsight.models.keras_internals import append_callback

_REDRAW_SECONDS = 0.05  # Keras's progress bar redraws itself no more often


class InThisThread(keras.callbacks.Callback):
    """Makes Keras call all callbacks of a list in the thread that trains.

    If no callback has a hook for the end of a batch, Keras calls them in another thread. By then
    the metrics that a batch's logs are read from may include the next batch, or half of it.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing: it is enough that this hook exists."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing, likewise."""


class AtEpochBegin(InThisThread):
    """Calls a function at the beginning of every epoch."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Call the function."""
        del epoch, logs
        self._function()


def with_callback(callbacks: Any, callback: InThisThread) -> Any:
    """Return what `fit` takes as callbacks with one more, which keeps them all in this thread."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        append_callback(callbacks, callback)
        return callbacks
    return [*keras.tree.flatten(callbacks or []), callback]


def in_this_thread(callbacks: Any) -> Any:
    """Return what `evaluate` takes as callbacks, called in the thread that evaluates."""
    is_list = isinstance(callbacks, keras.callbacks.CallbackList)
    if is_list and any(isinstance(callback, InThisThread) for callback in callbacks.callbacks):
        return callbacks  # evaluated within `fit`
    return with_callback(callbacks, InThisThread())


def _own_hooks_only(hook: str) -> Any:
    """Make a method of `CallbackList` that calls only callbacks with this hook of their own."""

    def call(callbacks: BatchedCallbacks, batch: int, logs: Any = None) -> None:
        for callback in callbacks.with_hook[hook]:
            getattr(callback, hook)(batch, logs=callbacks.logs_for(callback, logs))

    return call


class BatchedCallbacks(keras.callbacks.CallbackList):
    """A `keras.callbacks.CallbackList` that costs next to nothing per batch.

    Keras reads every metric for every callback after every batch. Here, callbacks without hooks
    for batches are not called for them, and the progress bar reads metrics when it redraws.

    Attributes:
        with_hook: for each hook of batches the callbacks that have one of their own.
    """

    on_train_batch_begin = _own_hooks_only("on_train_batch_begin")
    on_test_batch_begin = _own_hooks_only("on_test_batch_begin")
    on_predict_batch_begin = _own_hooks_only("on_predict_batch_begin")
    on_train_batch_end = _own_hooks_only("on_train_batch_end")
    on_test_batch_end = _own_hooks_only("on_test_batch_end")
    on_predict_batch_end = _own_hooks_only("on_predict_batch_end")

    def __init__(self, callbacks: Any, **kwargs: Any) -> None:
        super().__init__(in_this_thread(callbacks), **kwargs)
        self._drawn_at = 0.0
        self.with_hook = {
            f"on_{mode}_batch_{moment}": [c for c in self.callbacks if _has_hook(c, mode, moment)]
            for mode in ("train", "test", "predict")
            for moment in ("begin", "end")
        }

    def logs_for(self, callback: Any, logs: Any) -> Any:
        """Return a batch's logs for a callback: none for a progress bar that need not redraw."""
        if logs is None:
            return {}
        if not isinstance(callback, keras.callbacks.ProgbarLogger):
            return logs
        now = time.monotonic()
        if now - self._drawn_at < _REDRAW_SECONDS:
            return {}
        self._drawn_at = now
        return logs


def _has_hook(callback: Any, mode: str, moment: str) -> bool:
    """Return whether a callback does anything at the begin or end of a batch."""
    if isinstance(callback, InThisThread):
        return False
    names = [f"on_{mode}_batch_{moment}"]
    if mode == "train":
        names.append(f"on_batch_{moment}")  # called by Keras's default of the former
    return any(
        getattr(type(callback), name) is not getattr(keras.callbacks.Callback, name)
        or name in vars(callback)  # LambdaCallback sets its hooks on the object
        for name in names
    )
