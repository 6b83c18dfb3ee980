"""Stops a training early on a signal, between two batches and with everything saved."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, NamedTuple, Self

from clearsight.models.backend import keras

SIGNALS = tuple(
    getattr(signal, name)
    # Schedulers announce preemption by SIGUSR1; SIGHUP comes when a terminal is closed.
    for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")
    if hasattr(signal, name)
)
_SIGHUP = getattr(signal, "SIGHUP", None)
# A batch that takes longer is abandoned, so that the process ends within five seconds.
MAX_BATCH_SECONDS = 3.5


class Position(NamedTuple):
    """How far a training has got.

    Example:
        >>> print(Position(epochs_done=1, num_batches=17))
        epoch 2, after batch 17
    """

    epochs_done: int
    num_batches: int  # of the unfinished epoch

    def __str__(self) -> str:
        return f"epoch {self.epochs_done + 1}, after batch {self.num_batches}"


class StopRequested(BaseException):
    """Raised to leave a training early.

    Attributes:
        signal_number: the signal that requested it.
        is_between_batches: whether no batch is half done, so that the weights can be saved.
        position: how far the training had got; None outside `fit`.
    """

    def __init__(
        self, signal_number: int, *, is_between_batches: bool, position: Position | None = None
    ) -> None:
        super().__init__(signal_number, is_between_batches, position)
        self.signal_number = signal_number
        self.is_between_batches = is_between_batches
        self.position = position


class TrainingStoppedError(Exception):
    """A training failed; `__cause__` says why.

    Attributes:
        position: how far it had got.
    """

    def __init__(self, position: Position) -> None:
        super().__init__(position)
        self.position = position


class Stopper(AbstractContextManager["Stopper"]):
    """Turns the first signal into a stop after the current batch; a second Ctrl-C stops at once.

    A signal before or after `fit` raises `StopRequested` immediately, and so does one whose batch
    takes too long. Python delivers signals to the main thread only; in any other thread this
    does nothing. Use it as a context manager around a whole run.

    Args:
        announce: shows a sentence to the user.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._previous_handlers: dict[int, Any] = {}
        self._requested: int | None = None
        self._is_fitting = False
        self._is_deferring = False
        self._is_late = False
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number == _SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue  # started with nohup
                self._previous_handlers[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        self._cancel_timer()
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)
        self._previous_handlers = {}

    @property
    def callback(self) -> keras.callbacks.Callback:
        """A Keras callback that leaves `fit` between two batches; it must be the last one.

        Keras's own ``stop_training`` would still validate and record the unfinished epoch.
        """

        def stop(*_args: Any, **_kwargs: Any) -> None:
            self.stop_if_requested()

        return keras.callbacks.LambdaCallback(
            on_train_batch_end=stop, on_test_batch_end=stop, on_epoch_end=stop
        )

    @contextmanager
    def fitting(self) -> Iterator[None]:
        """Within the block a signal waits for the current batch to end."""
        self._is_fitting = True
        try:
            yield
        finally:
            self._is_fitting = False

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Within the block, which must take an instant, signals wait for `stop_if_requested`."""
        self._is_deferring = True
        try:
            yield
        finally:
            self._is_deferring = False

    def stop_if_requested(self) -> None:
        """Stop here if a signal came that has not stopped anything yet.

        Raises:
            StopRequested: if so.
        """
        if self._requested is not None:
            self._cancel_timer()
            raise StopRequested(self._requested, is_between_batches=True)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._is_deferring:
            self._requested = self._requested or number
            return
        if self._requested is not None:
            was_late, self._is_late = self._is_late, False
            if was_late:
                if self._timer is not None:  # else the batch has ended in the meantime
                    self._cancel_timer()
                    raise StopRequested(self._requested, is_between_batches=False)
            elif number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._requested = number
        if not self._is_fitting:
            raise StopRequested(number, is_between_batches=False)
        self._timer = threading.Timer(MAX_BATCH_SECONDS, self._send_again, (number,))
        self._timer.daemon = True
        self._timer.start()
        if number == signal.SIGINT:
            self._announce("Stopping after this batch; press Ctrl-C again to stop at once.")
        else:
            self._announce(f"Received {signal.Signals(number).name}: stopping after this batch.")

    def _send_again(self, number: int) -> None:
        """Send the signal again, so that it is handled in the main thread."""
        self._is_late = True
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, number)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
