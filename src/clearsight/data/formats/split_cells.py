"""Columns of a table that say which split each image is in, recognized by their cells."""

from collections.abc import Mapping, Sequence
from typing import Any

from clearsight.data.labels.encode import is_missing
from clearsight.data.listing import PARTS
from clearsight.data.part_names import part_of_cell


def find_splits(cells: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Return the columns whose cells all name a part, training and another one, with the parts.

    Example:
        >>> find_splits({"phase": ["train", "Test", "train"], "kind": ["train", "bus", "car"]})
        {'phase': ['train', 'test']}
    """
    splits: dict[str, list[str]] = {}
    for name, column in cells.items():
        values = {cell for cell in column if isinstance(cell, str) and not is_missing(cell)}
        parts = {part_of_cell(value) for value in values}
        if len(parts) > 1 and "train" in parts and None not in parts:
            splits[name] = [part for part in PARTS if part in parts]
    return splits
