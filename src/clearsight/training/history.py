"""`History`: the scores of each epoch, and the file ``history.csv``."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from clearsight.errors import RunError
from clearsight.io.atomic import write_atomically


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


def write_history(history: History, path: Path) -> None:
    """Write ``history.csv``, one row per epoch, replacing the whole file."""
    with write_atomically(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in history)


def read_history(path: Path) -> History:
    """Read what `write_history` wrote.

    Raises:
        RunError: if the file is missing or malformed.
    """
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return tuple(
            Epoch(int(row["epoch"]), *(float(row[name]) for name in COLUMNS[1:])) for row in rows
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} should hold one row per epoch with the columns {', '.join(COLUMNS)}, but "
            f"cannot be read: {error}."
        ) from error
