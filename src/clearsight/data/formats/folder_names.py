"""Class folders that are called by numbers, or in another order, by a file of class names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from clearsight.data.formats.tree import Tree
from clearsight.data.labels.class_names import read_class_names
from clearsight.errors import DataError


def with_names(tree: Tree, file: Path | None) -> Tree:
    """Take the classes from a file of names: its order, and its names for numbered folders.

    Args:
        tree: with the folders' own names.
        file: of class names; None leaves the tree as it is.

    Raises:
        DataError: when the file cannot be read, or a folder is neither one of its names nor one of
            its numbers.
    """
    if file is None:
        return tree
    known = read_class_names(file)
    place_of = {name: place for place, name in enumerate(known.names)}
    if not set(tree.class_names) <= set(place_of):
        place_of = {str(number): place for place, number in enumerate(known.numbers)}
    places = [place_of.get(_plain(name, place_of)) for name in tree.class_names]
    strange = [name for name, place in zip(tree.class_names, places, strict=True) if place is None]
    if strange:
        raise DataError(
            f"{file} should name the class folders or their numbers, but does not know "
            f"{', '.join(repr(name) for name in strange[:3])}: leave --class-names out to take the "
            "folders' own names."
        )
    return replace(tree, labels=np.array(places)[tree.labels], class_names=known.names)


def _plain(name: str, place_of: dict[str, int]) -> str:
    """Return a folder's number without leading zeros, where it is called by one."""
    return str(int(name)) if name not in place_of and name.isdecimal() else name
