"""Keras's list of callbacks, which calls only those with a hook for batches after each batch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from clearsight.engine.metrics import DeferredLogs, read_logs
from clearsight.models.backend import keras

_REDRAW_SECONDS = 0.05  # Keras's progress bar redraws itself no more often

_BATCH_MODES = ("train", "test", "predict")
_MOMENTS = ("begin", "end")


class AtEpochBegin(keras.callbacks.Callback):
    """Calls a function at the beginning of every epoch."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Call the function."""
        del epoch, logs
        self._function()


def may_change_model(callbacks: Any) -> bool:
    """Return whether any of the callbacks that `fit` takes runs a user's code between batches.

    Keras's own change nothing there but values of variables.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    return any(
        _is_users(callback)
        and any(_has_hook(callback, mode, moment) for mode in _BATCH_MODES for moment in _MOMENTS)
        for callback in keras.tree.flatten(callbacks or [])
    )


def has_users(callbacks: Any) -> bool:
    """Return whether any of the callbacks that `fit` takes runs a user's code at all."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    return any(map(_is_users, keras.tree.flatten(callbacks or [])))


def _is_users(callback: Any) -> bool:
    """Return whether a callback, or a function that it calls, is neither Keras's nor ours."""
    return not _packages(callback) <= {"keras", "clearsight"}


def _packages(callback: Any) -> set[str]:
    """Return the packages of a callback's code: of a `LambdaCallback`, those of its functions."""
    sources: list[Any] = [type(callback)]
    if type(callback) is keras.callbacks.LearningRateScheduler:
        sources.append(callback.schedule)
    if type(callback) is keras.callbacks.LambdaCallback:
        own = vars(callback).items()
        sources = [value for name, value in own if name.startswith("on_") and callable(value)]
    return {str(source.__module__).partition(".")[0] for source in sources}


def _own_hooks_only(hook: str) -> Any:
    """Make a method of `CallbackList` that calls only callbacks with this hook of their own."""

    def call(callbacks: BatchedCallbacks, batch: int, logs: Any = None) -> None:
        if callbacks.with_hook[hook] and logs is not None and not isinstance(logs, DeferredLogs):
            logs = read_logs(logs)  # one dict for all, as in Keras
        for callback in callbacks.with_hook[hook]:
            getattr(callback, hook)(batch, logs=callbacks.logs_for(callback, logs))

    return call


class BatchedCallbacks(keras.callbacks.CallbackList):
    """A `keras.callbacks.CallbackList` that costs next to nothing per batch.

    Keras reads every metric for every callback after every batch. Here, callbacks without hooks
    for batches are not called for them, and the progress bar reads metrics when it redraws. All
    are called in the thread that trains.

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
        super().__init__(callbacks, **kwargs)
        self._drawn_at = 0.0
        self._own = [each for each in self.callbacks if _packages(each) == {"clearsight"}]
        self.with_hook = {
            f"on_{mode}_batch_{moment}": [c for c in self.callbacks if _has_hook(c, mode, moment)]
            for mode in _BATCH_MODES
            for moment in _MOMENTS
        }

    def logs_for(self, callback: Any, logs: Any) -> Any:
        """Return a batch's logs for a callback: none for a progress bar that need not redraw.

        Callbacks of clearsight's own get them unread, since most do not read them.
        """
        if logs is None:
            return {}
        if callback in self._own:
            return logs
        if isinstance(callback, keras.callbacks.ProgbarLogger):
            now = time.monotonic()
            if now - self._drawn_at < _REDRAW_SECONDS:
                return {}
            self._drawn_at = now
        return logs.read() if isinstance(logs, DeferredLogs) else logs


def _has_hook(callback: Any, mode: str, moment: str) -> bool:
    """Return whether a callback does anything at the begin or end of a batch."""
    if not isinstance(callback, keras.callbacks.Callback):
        return True  # an object with the same methods, such as a mock
    names = [f"on_{mode}_batch_{moment}"]
    if mode == "train":
        names.append(f"on_batch_{moment}")  # called by Keras's default of the former
    return any(
        getattr(type(callback), name) is not getattr(keras.callbacks.Callback, name)
        or name in vars(callback)  # LambdaCallback sets its hooks on the object
        for name in names
    )
