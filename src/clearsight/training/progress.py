"""Show a training's progress: a live bar in a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from clearsight.io.console import TextConsole
from clearsight.io.displayed_text import displayed
from clearsight.io.phases import Phases
from clearsight.models.backend import keras
from clearsight.training.history import Epoch
from clearsight.training.recorder import EpochRecorder

_WIDE = 72  # columns that the whole bar needs


class TrainingProgress(Protocol):
    """Shows a training: `Progress` on a console, `NotebookTraining` in a notebook."""

    def training(self) -> AbstractContextManager[None]:
        """Show the training while the block runs."""
        ...

    def phase(
        self, title: str, total: int = 0
    ) -> AbstractContextManager[Callable[[int | str], None]]:
        """Show what else is being done until the block ends; see `Phases.show`."""
        ...

    def announce(self, sentence: str) -> None:
        """Show a sentence."""
        ...

    def warn(self, sentence: str) -> None:
        """Show a sentence that the user should not miss."""
        ...

    def summarize(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show lines, each with its title."""
        ...

    def callback(self, recorder: EpochRecorder) -> keras.callbacks.Callback:
        """Return the Keras callback that updates this display, to be placed after `recorder`."""
        ...


class Progress:
    """Prints one line per epoch, and in a terminal a bar with batch, scores and time left.

    Everything fits in 80 columns; on narrower terminals the bar leaves some out.

    Args:
        console: where to print.

    """

    def __init__(self, console: TextConsole) -> None:
        self._console = console
        self._phases = Phases(console)
        self._first_epoch = ExitStack()
        is_wide = console.width >= _WIDE
        more = [TextColumn("val_accuracy {task.fields[val_accuracy]}")] if is_wide else []
        self._bar = Bar(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[batch]}"),
            TextColumn("{task.fields[scores]}"),
            *more,
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            transient=True,
            disable=not console.is_interactive,
            refresh_per_second=5,
        )

    @contextmanager
    def training(self) -> Iterator[None]:
        """Show the training while the block runs; without a terminal, that the first epoch does."""
        with self._bar, self._first_epoch:
            if self._bar.disable:
                self._first_epoch.enter_context(self._phases.show("training, a line per epoch"))
            try:
                yield
            finally:
                for task in self._bar.task_ids:  # the next training of several has its own
                    self._bar.remove_task(task)

    def phase(
        self, title: str, total: int = 0
    ) -> AbstractContextManager[Callable[[int | str], None]]:
        """Show what else is being done until the block ends; see `Phases.show`."""
        return self._phases.show(title, total)

    def announce(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._console.print(sentence, soft_wrap=True)

    def warn(self, sentence: str) -> None:
        """Print a sentence, in yellow on a terminal."""
        # On a terminal sentences wrap between words; elsewhere a line stays whole.
        whole = not self._console.is_terminal
        self._console.print(Text(displayed(sentence), style="yellow"), soft_wrap=whole)

    def summarize(self, lines: Sequence[tuple[str, str]]) -> None:
        """Print lines, each with its title; on a terminal, long ones stay in their column."""
        if self._console.is_terminal:
            table = Table.grid(Column(no_wrap=True), Column(overflow="fold"), padding=(0, 2, 0, 0))
            for title, text in lines:
                table.add_row(title, text)
            self._console.print(table)
            return
        width = max(len(title) for title, _ in lines)
        for title, text in lines:
            self._console.print(f"{title:<{width}}  {text}", soft_wrap=True)

    def callback(self, recorder: EpochRecorder) -> keras.callbacks.Callback:
        """Return the Keras callback that updates this display, to be placed after `recorder`."""
        return _UpdateProgress(self._console, self._bar, recorder, self._first_epoch)


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
    def __init__(
        self, console: TextConsole, bar: Bar, recorder: EpochRecorder, first_epoch: ExitStack
    ) -> None:
        super().__init__()
        self._console = console
        self._bar = bar
        self._recorder = recorder
        self._first_epoch = first_epoch
        self._num_epochs = 0
        self._num_batches = 0
        self._task = bar.add_task(
            "training", epoch="", batch="", scores="", val_accuracy="-", visible=False
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
        batch = f"0/{self._num_batches}"
        self._bar.update(
            self._task, epoch=f"{epoch + 1}/{self._num_epochs}", batch=batch, visible=True
        )

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        del logs
        self._bar.update(self._task, scores="validating")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar.disable:
            return
        values = {name: f"{float(value):.3f}" for name, value in (logs or {}).items()}
        self._bar.update(
            self._task,
            advance=1,
            batch=f"{batch + 1}/{self._num_batches}",
            scores=f"loss {values.get('loss', '')} accuracy {values.get('accuracy', '')}",
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del epoch, logs
        self._first_epoch.close()
        last = self._recorder.history[-1]
        self._bar.update(self._task, val_accuracy=f"{last.val_accuracy:.3f}")
        whole = not self._console.is_terminal
        self._console.print(format_epoch(last, self._num_epochs), soft_wrap=whole)
