"""The table of strategies, one for each format: each writes a random valid layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.formats.array_layouts import arrays
from support.formats.binary_layouts import cifar, idx
from support.formats.class_labels import Draw
from support.formats.content import Layout
from support.formats.table_layouts import huggingface, table
from support.formats.tree_layouts import archive, folder

LAYOUTS: dict[str, Callable[[Draw, Path], Layout]] = {
    "archive": archive,
    "arrays": arrays,
    "cifar": cifar,
    "folder": folder,
    "huggingface": huggingface,
    "idx": idx,
    "table": table,
}
