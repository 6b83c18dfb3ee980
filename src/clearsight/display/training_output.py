"""`TrainingOutput`: a training's progress as one output of a notebook, updated in place."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from clearsight.display.html import Html, element, joined, output, table
from clearsight.display.notebook import LiveOutput

_REDRAW_SECONDS = 0.2
_MAX_ROWS = 20  # of epochs, while they are trained: each redraw sends them all


@dataclass
class _Epochs:
    """The epochs of one training.

    Attributes:
        num_epochs: how many there will be at most.
        num_batches: of an epoch; None if unknown.
        rows: the values of each finished epoch.
        current: which epoch is trained; None between epochs.
        batch: how many of its batches are done.
        values: its values so far.
        started_at: when it began.
    """

    num_epochs: int
    num_batches: int | None
    rows: dict[int, Mapping[str, float]] = field(default_factory=dict)
    current: int | None = None
    batch: int = 0
    values: Mapping[str, float] = field(default_factory=dict)
    started_at: float = 0.0


@dataclass
class _Phase:
    """What is done before or after the training, and its progress; see `TrainingOutput.phase`."""

    title: str
    total: int
    num_done: int = 0

    def __str__(self) -> str:
        amount = f", {self.num_done:,}/{self.total:,}" if self.total else ""
        return f"{self.title}{amount} …"


@dataclass(frozen=True)
class _Titled:
    """Lines, each with its title; see `TrainingOutput.summarize`."""

    lines: Sequence[tuple[str, str]]


_Part = str | _Titled | _Epochs | _Phase


class TrainingOutput:
    """Shows sentences and epochs in the order in which they come, all in one output.

    Finished epochs are the rows of a table; the one that is trained is a bar with its values.
    """

    def __init__(self) -> None:
        self._live = LiveOutput()
        self._parts: list[_Part] = []
        self._warnings: list[str] = []
        self._drawn_at = -math.inf

    @property
    def is_due(self) -> bool:
        """Whether enough time has passed to draw again."""
        return time.monotonic() - self._drawn_at >= _REDRAW_SECONDS

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        self._parts.append(sentence)
        self._draw()

    def warn(self, sentence: str) -> None:
        """Show a sentence that also stays next to the result."""
        self._warnings.append(sentence)
        self.say(sentence)

    def summarize(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show lines, each with its title."""
        self._parts.append(_Titled(lines))
        self._draw()

    @contextmanager
    def phase(self, title: str, total: int = 0) -> Iterator[Callable[[int | str], None]]:
        """Show what is being done until the block ends.

        Args:
            title: such as "decoding images".
            total: number of items to do, if known.

        Yields:
            A function to call with the number of items done so far, or with another title.
        """
        phase = _Phase(title, total)
        self._parts.append(phase)
        if not total:
            self._draw()

        def update(progress: int | str) -> None:
            if isinstance(progress, str):
                phase.title = progress
            else:
                phase.num_done = progress
            if self.is_due:
                self._draw()

        try:
            yield update
        finally:
            self._parts.remove(phase)

    def begin(self, num_epochs: int, num_batches: int | None) -> None:
        """Begin a training; what an earlier one showed stays."""
        self._parts.append(_Epochs(num_epochs, num_batches))

    def begin_epoch(self, epoch: int) -> None:
        """Begin an epoch, counted from 1."""
        epochs = self._epochs
        epochs.current, epochs.batch, epochs.values = epoch, 0, {}
        epochs.started_at = time.monotonic()
        if self.is_due:
            self._draw()

    def advance(self, num_done: int, values: Mapping[str, float]) -> None:
        """Show how many batches of the epoch are done, and its values so far."""
        self._epochs.batch, self._epochs.values = num_done, values
        self._draw()

    def end_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add an epoch's row to the table."""
        epochs = self._epochs
        epochs.rows[epoch], epochs.current = values, None
        if self.is_due:
            self._draw()

    def end(self) -> None:
        """Show everything as it is now, whether or not the training is complete."""
        self._draw(is_running=False)

    def finish(self, result: str = "") -> None:
        """Show the result, as markup, above what was shown so far; a long list is folded.

        Args:
            result: with its style; empty if it is shown elsewhere.
        """
        warnings = ""
        if self._warnings:
            warnings = output(*(element("p", sentence) for sentence in self._warnings))
        num_rows = sum(len(part.rows) for part in self._parts if isinstance(part, _Epochs))
        is_open = {"open": "open"} if num_rows <= _MAX_ROWS else {}
        title = element("summary", "plan and epochs")
        shown = element("details", title, self._markup(None), **is_open)
        self._live.show(warnings + result + output(shown), self._text())

    @property
    def _epochs(self) -> _Epochs:
        return next(part for part in reversed(self._parts) if isinstance(part, _Epochs))

    def _draw(self, *, is_running: bool = True) -> None:
        self._drawn_at = time.monotonic()
        self._live.show(output(self._markup(_MAX_ROWS if is_running else None)), self._text())

    def _markup(self, most_rows: int | None) -> Html:
        return joined(_part_markup(part, most_rows) for part in self._parts if part)

    def _text(self) -> str:
        return "\n".join(map(_part_text, self._parts))


def _part_markup(part: _Part, most_rows: int | None) -> Html:
    if isinstance(part, _Epochs):
        return _epochs_markup(part, most_rows)
    if isinstance(part, _Titled):
        terms = (joined((element("dt", title), element("dd", text))) for title, text in part.lines)
        return element("dl", *terms)
    if isinstance(part, _Phase):
        bar = (_bar(part.num_done, part.total), " ") if part.total else ()
        return element("p", *bar, str(part), class_="faint")
    return element("p", part)


def _part_text(part: _Part) -> str:
    if isinstance(part, _Epochs):
        return _epochs_text(part)
    if isinstance(part, _Titled):
        return "\n".join(f"{title}: {text}" for title, text in part.lines)
    return str(part)


def _epochs_markup(epochs: _Epochs, most_rows: int | None) -> Html:
    parts = []
    hidden = 0 if most_rows is None else len(epochs.rows) - most_rows
    if hidden > 0:
        parts.append(element("p", f"the last {most_rows} epochs:", class_="faint"))
    if epochs.rows:
        names = list(dict.fromkeys(name for row in epochs.rows.values() for name in row))
        shown = list(epochs.rows.items())[max(hidden, 0) :]
        rows = [
            (f"{number}/{epochs.num_epochs}", *(_cell(name, row.get(name)) for name in names))
            for number, row in shown
        ]
        parts.append(table(("epoch", *names), rows))
    if epochs.current is not None:
        bar = _bar(epochs.batch, epochs.num_batches)
        parts.append(element("p", bar, " ", _progress_text(epochs)))
    return joined(parts)


def _bar(num_done: int, total: int | None) -> Html:
    amount = {} if total is None else {"value": str(num_done), "max": str(total)}
    return element("progress", **amount)


def _progress_text(epochs: _Epochs) -> str:
    done, total = epochs.batch, epochs.num_batches
    parts = [f"epoch {epochs.current}/{epochs.num_epochs}", f"batch {done:,}"]
    if total is not None:
        parts[-1] += f"/{total:,}"
    parts += [f"{name} {_cell(name, value)}" for name, value in epochs.values.items()]
    if done and total is not None and epochs.current is not None:
        seconds = (time.monotonic() - epochs.started_at) / done
        batches = total - done + total * (epochs.num_epochs - epochs.current)
        parts.append(f"about {_duration(seconds * batches)} left")
    return ", ".join(parts)


def _epochs_text(epochs: _Epochs) -> str:
    lines = [
        f"{number}/{epochs.num_epochs}  "
        + "  ".join(f"{name} {_cell(name, value)}" for name, value in row.items())
        for number, row in epochs.rows.items()
    ]
    if epochs.current is not None:
        lines.append(_progress_text(epochs))
    return "\n".join(lines)


def _cell(name: str, value: float | None) -> str:
    """Return a value of a metric as Keras prints it; seconds with one digit."""
    if not isinstance(value, float | int):  # a metric may return anything
        return "" if value is None else str(value)
    if name == "seconds":
        return f"{value:.1f}"
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"


def _duration(seconds: float) -> str:
    """Return "45 s", "12 min" or "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
