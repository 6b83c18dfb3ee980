"""`History`: the scores of each epoch, and the file ``history.csv``."""

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from clearsight.errors import RunError
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
        accuracy: likewise.
        val_loss: on the validation images at the epoch's end.
        val_accuracy: likewise.
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


History = tuple[Epoch, ...]
_MAX_EPOCHS = 1_000_000
COLUMNS = tuple(field.name for field in fields(Epoch))


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
    return tuple(history)
