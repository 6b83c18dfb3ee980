"""`NotebookTraining`: a training's progress in a notebook, in one output."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from clearsight.display.training_output import TrainingOutput
from clearsight.engine.metrics import read_logs
from clearsight.models.backend import keras
from clearsight.training.history import VALUES, Epoch
from clearsight.training.recorder import EpochRecorder


class NotebookTraining:
    """Shows sentences, the epochs as a table, and how far the current one is.

    Args:
        shown: where.
    """

    def __init__(self, shown: TrainingOutput) -> None:
        self._output = shown

    @contextmanager
    def training(self) -> Iterator[None]:
        """Show the training while the block runs; at its end all epochs are shown."""
        try:
            yield
        finally:
            self._output.end()

    def phase(
        self, title: str, total: int = 0
    ) -> AbstractContextManager[Callable[[int | str], None]]:
        """Show what else is being done until the block ends, and how many of `total` are done."""
        return self._output.phase(title, total)

    def announce(self, sentence: str) -> None:
        """Show a sentence."""
        self._output.say(sentence)

    def warn(self, sentence: str) -> None:
        """Show a sentence that stays next to the result."""
        self._output.warn(sentence)

    def summarize(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show lines, each with its title."""
        self._output.summarize(lines)

    def callback(self, recorder: EpochRecorder) -> keras.callbacks.Callback:
        """Return the Keras callback that updates this display, to be placed after `recorder`."""
        return _UpdateOutput(self._output, recorder)


class _UpdateOutput(keras.callbacks.Callback):
    def __init__(self, shown: TrainingOutput, recorder: EpochRecorder) -> None:
        super().__init__()
        self._output = shown
        self._recorder = recorder

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        parameters: Any = self.params
        self._output.begin(parameters["epochs"], parameters["steps"])
        for epoch in self._recorder.history:  # of the part before a resumed run was stopped
            self._show(epoch)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._output.begin_epoch(epoch + 1)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._output.is_due:
            self._output.advance(batch + 1, read_logs(logs or {}))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del epoch, logs
        self._show(self._recorder.history[-1])

    def _show(self, epoch: Epoch) -> None:
        self._output.end_epoch(epoch.epoch, {name: getattr(epoch, name) for name in VALUES})
