"""Keras's progress bar of `fit` in a notebook: one output, updated in place."""

import time
from typing import Any

from clearsight.display.notebook import notebook_shell
from clearsight.display.training_output import TrainingOutput
from clearsight.engine.metrics import read_logs
from clearsight.models.backend import keras


def progress_callbacks(given: dict[str, Any]) -> list[keras.callbacks.Callback]:
    """Return the callback that shows a `fit` with these arguments in a notebook.

    Returns:
        Nothing outside of a notebook, or if the user asked for another display or for none.
    """
    is_wanted = given.get("verbose", "auto") in ("auto", 1)
    found = keras.tree.flatten(given.get("callbacks") or [])
    has_own = any(isinstance(each, keras.callbacks.ProgbarLogger) for each in found)
    is_shown = notebook_shell() is not None and keras.config.is_interactive_logging_enabled()
    return [NotebookProgress()] if is_wanted and is_shown and not has_own else []


class NotebookProgress(keras.callbacks.ProgbarLogger):
    """Shows a `fit`, in place of Keras's progress bar, which prints line after line.

    Keras adds no bar of its own where it finds a `ProgbarLogger`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._output = TrainingOutput()
        self._started_at = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin a training."""
        super().on_train_begin(logs)
        self._output.begin(self.epochs, self.target)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin an epoch."""
        del logs
        self._started_at = time.perf_counter()
        self._output.begin_epoch(epoch + 1)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Show the batch, unless the output was drawn a moment ago."""
        if self._output.is_due:
            self._output.advance(batch + 1, read_logs(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the epoch to the table."""
        seconds = time.perf_counter() - self._started_at
        self._output.end_epoch(epoch + 1, {**read_logs(logs or {}), "seconds": seconds})

    def on_train_end(self, logs: Any = None) -> None:
        """Show all epochs."""
        del logs
        self._output.end()
