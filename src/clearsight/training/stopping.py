"""Signals that end a training early: saved, between two batches, and soon."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any, Self

from clearsight.models.backend import keras

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGUSR1")  # the last is how schedulers announce preemption
    if hasattr(signal, name)
)
# A batch that takes longer is not waited for, so that all is over within five seconds.
PATIENCE_SECONDS = 3.5


class StopRequested(BaseException):
    """Raised to leave a training early.

    Attributes:
        signal_number: what asked for it.
        is_between_batches: whether the weights are whole, so that they can be saved.
        place: how many epochs were done, and how many batches of the next; None outside `fit`.
    """

    place: tuple[int, int] | None = None

    def __init__(self, signal_number: int, *, is_between_batches: bool) -> None:
        super().__init__(signal_number, is_between_batches)
        self.signal_number = signal_number
        self.is_between_batches = is_between_batches


class TrainingStoppedError(Exception):
    """A training came to an end that nobody asked for; its cause says why.

    Attributes:
        place: how many epochs were done, and how many batches of the next.
    """

    def __init__(self, place: tuple[int, int]) -> None:
        super().__init__(place)
        self.place = place


class Stopper(AbstractContextManager["Stopper"]):
    """Turns the first signal into a stop after the current batch; a second Ctrl-C leaves at once.

    While nothing trains, before and after `fit`, a signal is a `StopRequested` there and then; so
    is one whose batch does not end in time. Outside the main thread Python delivers no signals, so
    there it changes nothing. Use it as a context manager around a whole run.

    Args:
        announce: shows a sentence to the user.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._before: dict[int, Any] = {}
        self._requested: int | None = None
        self._is_fitting = False
        self._is_late = False
        self._error: Exception | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    @property
    def callback(self) -> keras.callbacks.Callback:
        """The Keras callback that leaves `fit` between two batches, to stand last."""
        return _LeaveBetweenBatches(self)

    def fitting(self, is_fitting: bool) -> None:
        """Say whether there are batches to wait for."""
        self._is_fitting = is_fitting

    def interrupt(self, error: Exception) -> None:
        """Raise an error in the main thread, from another one, whatever it waits for there.

        Where signals are not delivered, nothing happens.
        """
        main = threading.main_thread().ident
        if self._before and main is not None and hasattr(signal, "pthread_kill"):
            self._error = error
            signal.pthread_kill(main, signal.SIGTERM)

    def leave_if_requested(self) -> None:
        """Leave here if asked to.

        Raises:
            StopRequested: if so.
        """
        if self._requested is not None:
            self._disarm()
            raise StopRequested(self._requested, is_between_batches=True)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        error, self._error = self._error, None
        if error is not None:
            raise error
        if self._requested is not None:
            was_late, self._is_late = self._is_late, False
            if was_late:
                if self._timer is not None:  # else the batch has ended in the meantime
                    self._disarm()
                    raise StopRequested(self._requested, is_between_batches=False)
            elif number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._requested = number
        if not self._is_fitting:
            raise StopRequested(number, is_between_batches=False)
        self._timer = threading.Timer(PATIENCE_SECONDS, self._lose_patience, (number,))
        self._timer.daemon = True
        self._timer.start()
        if number == signal.SIGINT:
            self._announce("Stopping after this batch; press Ctrl-C again to leave at once.")
        else:
            name = signal.Signals(number).name
            self._announce(f"{name} came: stopping after this batch.")

    def _lose_patience(self, number: int) -> None:
        """Send the signal once more, so that it is handled in the main thread."""
        self._is_late = True
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, number)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _LeaveBetweenBatches(keras.callbacks.Callback):
    """Keras's own ``stop_training`` would still validate and record the unfinished epoch."""

    def __init__(self, stopper: Stopper) -> None:
        super().__init__()
        self._stopper = stopper

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._stopper.fitting(True)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        del batch, logs
        self._stopper.leave_if_requested()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        del batch, logs
        self._stopper.leave_if_requested()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del epoch, logs
        self._stopper.leave_if_requested()
