"""The table of strategies: one for each format, which writes a random legal layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from data.formats.array_layouts import arrays
from data.formats.binary_layouts import cifar, idx
from data.formats.class_labels import Draw
from data.formats.content import Layout
from data.formats.table_layouts import huggingface, table
from data.formats.tree_layouts import archive, folder

LAYOUTS: dict[str, Callable[[Draw, Path], Layout]] = {
    "archive": archive,
    "arrays": arrays,
    "cifar": cifar,
    "folder": folder,
    "huggingface": huggingface,
    "idx": idx,
    "table": table,
}
