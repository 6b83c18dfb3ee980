"""One-hot labels: a column of 0 and 1 for each class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import numpy as np

_OFF, _ON = {"0", "0.0", "false"}, {"1", "1.0", "true"}
_MIN_FRACTION = 0.5  # of rows with a single 1; columns with fewer say something else
_MAX_ROWS = 2_000  # that are compared to find the columns


@dataclass(frozen=True)
class OneHotColumns:
    """Columns that hold nothing but 0 and 1.

    Attributes:
        labels: those that are one-hot labels; none if no columns are, or several groups could be.
        binary: all of them.
    """

    labels: tuple[str, ...]
    binary: tuple[str, ...]


def find_one_hot(names: Sequence[str], cells: Mapping[str, Sequence[Any]]) -> OneHotColumns:
    """Find columns next to each other of which most rows have a 1 in a single one.

    Args:
        names: of all columns of a table, in its order.
        cells: the columns that may be labels.
    """
    step = max(max(map(len, cells.values()), default=0) // _MAX_ROWS, 1)
    marks = {name: _marks(column) for name, column in cells.items()}
    candidates: list[tuple[float, tuple[str, ...]]] = []
    for is_binary, found in groupby(names, key=lambda name: marks.get(name) is not None):
        run = tuple(found)
        if is_binary and len(run) > 1:
            sampled = np.array([(marks[name] or [])[::step] for name in run], dtype=int)
            candidates += _candidates(run, sampled)
    binary = tuple(name for name, column in marks.items() if column is not None)
    _, best = max(candidates, default=(0.0, ()), key=lambda each: (each[0], len(each[1])))
    is_clear = all({*best} & {*other} for _, other in candidates)
    return OneHotColumns(best if is_clear else (), binary)


def join_one_hot(cells: Mapping[str, Sequence[Any]]) -> list[list[str]]:
    """Return for each row the names of the columns that hold a 1."""
    columns = [_marks(column) or [False] * len(column) for column in cells.values()]
    return [
        [name for name, mark in zip(cells, row, strict=True) if mark]
        for row in zip(*columns, strict=True)
    ]


def _candidates(run: tuple[str, ...], marks: np.ndarray) -> list[tuple[float, tuple[str, ...]]]:
    """Return the columns in a row that may be one-hot, with the fraction of rows that are.

    `marks` are 0 and 1: int (K, N) for the K columns of the run.
    """
    sums = np.concatenate([np.zeros((1, marks.shape[1]), int), marks.cumsum(axis=0)])
    found = []
    for begin, end in combinations(range(len(run) + 1), 2):
        fraction = float(np.mean(sums[end] - sums[begin] == 1))
        if end - begin > 1 and fraction >= _MIN_FRACTION:
            found.append((fraction, run[begin:end]))
    return found


def _marks(column: Sequence[Any]) -> list[bool] | None:
    """Return which cells hold a 1, or None if some hold neither 0 nor 1."""
    texts = [str(cell).strip().lower() for cell in column]
    return [text in _ON for text in texts] if set(texts) <= _OFF | _ON else None
