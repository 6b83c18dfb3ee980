"""`History`: what each epoch gave, and its file ``history.csv``."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from clearsight.errors import RunError
from clearsight.io.atomic import write_atomically


@dataclass(frozen=True)
class Epoch:
    """One epoch's row.

    Attributes:
        epoch: counted from 1.
        loss: mean over the epoch's training batches, while the weights were moving.
        accuracy: likewise.
        val_loss: on the validation images at the epoch's end.
        val_accuracy: likewise.
        seconds: wall-clock time, validation included.
        learning_rate: per step, at the epoch's end.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    learning_rate: float


History = tuple[Epoch, ...]
COLUMNS = tuple(field.name for field in fields(Epoch))


def write_history(history: History, path: Path) -> None:
    """Write ``history.csv``, one row an epoch, replacing it whole."""
    with write_atomically(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in history)


def read_history(path: Path) -> History:
    """Read what `write_history` wrote.

    Raises:
        RunError: when the file is absent or not of that form.
    """
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return tuple(
            Epoch(int(row["epoch"]), *(float(row[name]) for name in COLUMNS[1:])) for row in rows
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} should hold one row an epoch with the columns {', '.join(COLUMNS)}, but "
            f"cannot be read so: {error}."
        ) from error
