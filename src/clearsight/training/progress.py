"""Show a training's progress: a live bar in a terminal, plain lines elsewhere."""

from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from clearsight.io.console import TextConsole
from clearsight.models.backend import keras
from clearsight.training.history import Epoch
from clearsight.training.recorder import EpochRecorder


class TrainingProgress(Protocol):
    """Shows a training: `Progress` on a console, `NotebookTraining` in a notebook."""

    @property
    def bar(self) -> AbstractContextManager[Any]:
        """A context manager to use around the training."""
        ...

    def announce(self, sentence: str) -> None:
        """Show a sentence."""
        ...

    def callback(self, recorder: EpochRecorder) -> keras.callbacks.Callback:
        """Return the Keras callback that updates this display, to be placed after `recorder`."""
        ...


class Progress:
    """Prints one line per epoch, and in a terminal a bar with batch, scores and time left.

    Everything fits in 80 columns.

    Args:
        console: where to print.

    Attributes:
        bar: rich's bar, a context manager to use around the training.
    """

    def __init__(self, console: TextConsole) -> None:
        self._console = console
        self.bar = Bar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[batch]}"),
            TextColumn("loss {task.fields[loss]} accuracy {task.fields[accuracy]}"),
            TextColumn("val_accuracy {task.fields[val_accuracy]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            refresh_per_second=5,
        )

    @classmethod
    def silent(cls) -> Self:
        """Return a progress that shows nothing."""
        return cls(TextConsole(quiet=True))

    def announce(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._console.print(sentence, soft_wrap=True)

    def callback(self, recorder: EpochRecorder) -> keras.callbacks.Callback:
        """Return the Keras callback that updates this display, to be placed after `recorder`."""
        return _UpdateProgress(self._console, self.bar, recorder)


def format_epoch(epoch: Epoch, num_epochs: int) -> str:
    """Return an epoch's line, at most 80 columns, e.g. " 1/10  loss 0.7561  ...  8.1 s"."""
    width = len(str(num_epochs))
    return (
        f"{epoch.epoch:>{width}}/{num_epochs}  "
        f"loss {epoch.loss:.4f}  accuracy {epoch.accuracy:.4f}  "
        f"val_loss {epoch.val_loss:.4f}  val_accuracy {epoch.val_accuracy:.4f}  "
        f"{epoch.seconds:.1f} s"
    )


class _UpdateProgress(keras.callbacks.Callback):
    def __init__(self, console: TextConsole, bar: Bar, recorder: EpochRecorder) -> None:
        super().__init__()
        self._console = console
        self._bar = bar
        self._recorder = recorder
        self._num_epochs = 0
        self._num_batches = 0
        self._task = bar.add_task(
            "training", epoch="", batch="", loss="", accuracy="", val_accuracy="-", visible=False
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        parameters: Any = self.params
        self._num_epochs = parameters["epochs"]
        self._num_batches = parameters["steps"]
        epochs_left = self._num_epochs - len(self._recorder.history)
        self._bar.reset(self._task, total=epochs_left * self._num_batches)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._bar.update(self._task, epoch=f"{epoch + 1}/{self._num_epochs}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar.disable:
            return
        values = {name: f"{float(value):.3f}" for name, value in (logs or {}).items()}
        self._bar.update(
            self._task,
            advance=1,
            batch=f"{batch + 1}/{self._num_batches}",
            loss=values.get("loss", ""),
            accuracy=values.get("accuracy", ""),
            visible=True,
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del epoch, logs
        last = self._recorder.history[-1]
        self._bar.update(self._task, val_accuracy=f"{last.val_accuracy:.3f}")
        self._console.print(format_epoch(last, self._num_epochs), soft_wrap=True)
