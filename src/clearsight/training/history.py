"""`History`: the scores of each epoch, and the file ``history.csv``."""

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, SupportsIndex, overload

from clearsight.display.html import output, table
from clearsight.errors import RequestError, RunError, did_you_mean
from clearsight.io.csv_file import write_csv
from clearsight.io.csv_rows import read_rows
from clearsight.io.regular_file import open_regular
from clearsight.training.recipe import Recipe


@dataclass(frozen=True)
class Epoch:
    """The scores of one epoch.

    Attributes:
        epoch: counted from 1.
        loss: mean over the epoch's training batches, while the weights were changing.
        accuracy: mean over the epoch's training batches.
        val_loss: on the validation images at the epoch's end.
        val_accuracy: on the validation images at the epoch's end.
        seconds: wall-clock time since the epoch before, or since training began.
        learning_rate: of the epoch's last step.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    learning_rate: float


# What Keras's history holds, and what each epoch has besides.
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
VALUES = (*METRICS, "seconds")
COLUMNS = tuple(field.name for field in fields(Epoch))
_MAX_EPOCHS = 1_000_000


class History(tuple[Epoch, ...]):
    """The epochs of a training, in order, which reads like Keras's `History` too.

    ``history[0]`` is the first `Epoch`, ``history["val_accuracy"]`` the list of a column of
    ``history.csv`` over the epochs.

    Raises:
        RequestError: when there is no such column.

    Example:
        >>> history = History([Epoch(1, 0.9, 0.6, 0.8, 0.7, 2.0, 0.1)])
        >>> history["val_accuracy"], history.history["loss"], history.epoch
        ([0.7], [0.9], [0])
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: SupportsIndex) -> Epoch: ...

    @overload
    def __getitem__(self, index: slice) -> "History": ...

    @overload
    def __getitem__(self, index: str) -> list[float]: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            if index not in COLUMNS:
                raise RequestError(
                    f"A history has the columns {', '.join(COLUMNS)}, but no '{index}'."
                    + did_you_mean(index, COLUMNS)
                )
            return [getattr(epoch, index) for epoch in self]
        found = super().__getitem__(index)
        return History(found) if isinstance(index, slice) else found

    def __contains__(self, item: object) -> bool:
        return item in METRICS if isinstance(item, str) else super().__contains__(item)

    def keys(self) -> tuple[str, ...]:
        """Return the names of the metrics, as those of Keras's ``History.history``."""
        return METRICS

    @property
    def history(self) -> dict[str, list[float]]:
        """For each metric the list of its values, as Keras's ``History.history``."""
        return {name: self[name] for name in METRICS}

    @property
    def epoch(self) -> list[int]:
        """The epochs counted from 0, as Keras's ``History.epoch``; ``history["epoch"]`` from 1."""
        return list(range(len(self)))

    def __repr__(self) -> str:
        if not self:
            return "History(no epochs)"
        number, best = len(self), best_epoch(self)
        epochs = "1 epoch" if number == 1 else f"{number} epochs"
        accuracy = f"val_accuracy {self[-1].val_accuracy:.3f}"
        return f"History({epochs}, {accuracy}, best in epoch {best})"

    def _repr_html_(self) -> str:
        rows = [
            (epoch.epoch, *(f"{getattr(epoch, name):.4f}" for name in METRICS),
             f"{epoch.seconds:.1f}", f"{epoch.learning_rate:.3g}")
            for epoch in self
        ]  # fmt: skip
        return output(table(("epoch", *METRICS, "seconds", "learning_rate"), rows, num_left=0))


def best_epoch(history: History) -> int | None:
    """Return the epoch, counted from 1, with the best validation accuracy, the first of equals.

    Example:
        >>> rows = [Epoch(n, 1.0, 0.5, 1.0, score, 1.0, 0.1) for n, score in ((1, 0.7), (2, 0.7))]
        >>> best_epoch(tuple(rows))
        1
    """
    return max(history, key=lambda epoch: epoch.val_accuracy).epoch if history else None


def patience_has_run_out(history: History, patience: int) -> bool:
    """Check whether validation accuracy has not improved for `patience` epochs.

    Args:
        history: the epochs so far.
        patience: epochs; 0 never runs out.

    Example:
        >>> scores = enumerate((0.6, 0.8, 0.7, 0.8), start=1)
        >>> rows = tuple(Epoch(n, 1.0, 0.5, 1.0, score, 1.0, 0.1) for n, score in scores)
        >>> patience_has_run_out(rows, patience=2), patience_has_run_out(rows, patience=3)
        (True, False)
    """
    best = best_epoch(history)
    return bool(patience) and best is not None and history[-1].epoch - best >= patience


def is_fully_trained(history: History, recipe: Recipe) -> bool:
    """Return whether no epoch is left to train: all are done, or patience has run out."""
    done = history[-1].epoch if history else 0
    return done >= recipe.epochs or patience_has_run_out(history, recipe.patience)


def write_history(history: History, path: Path) -> None:
    """Write ``history.csv``, one row per epoch, replacing the whole file."""
    write_csv(COLUMNS, (astuple(epoch) for epoch in history), path)


def read_history(path: Path) -> History:
    """Read what `write_history` wrote.

    Raises:
        RunError: if the file is missing or malformed.
    """
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8", newline="") as file:
            rows = read_rows(file)
            columns = next(rows)
            if set(columns) != set(COLUMNS):
                raise ValueError("it has other columns")
            return check_history(dict(zip(columns, row, strict=True)) for row in rows)
    except (OSError, StopIteration, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error) or "it is empty"
        raise RunError(
            f"{path} should hold one row per epoch with the columns {', '.join(COLUMNS)}, but "
            f"cannot be read: {reason}."
        ) from error


def check_history(rows: Iterable[Mapping[str, Any]]) -> History:
    """Return epochs from rows of numbers, or of their text, by the names of `COLUMNS`.

    Raises:
        ValueError: when they are no history.
    """
    history = []
    for number, row in enumerate(rows, 1):
        if number > _MAX_EPOCHS:
            raise ValueError(f"it has more than {_MAX_EPOCHS:,} rows")
        if set(row) != set(COLUMNS):
            raise ValueError(f"row {number} has other columns")
        try:
            epoch = Epoch(int(row["epoch"]), *(float(row[name]) for name in COLUMNS[1:]))
        except (TypeError, OverflowError) as error:
            raise ValueError(f"row {number} should hold numbers") from error
        fractions, others = (
            (epoch.accuracy, epoch.val_accuracy),
            (epoch.seconds, epoch.learning_rate),
        )
        if (
            epoch.epoch != number
            or not all(0 <= value <= 1 for value in fractions)
            or not all(0 <= value < math.inf for value in others)
        ):
            raise ValueError(f"row {number} has a number that epoch {number} cannot have")
        history.append(epoch)
    return History(history)
