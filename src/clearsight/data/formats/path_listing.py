"""Listing the images that a table names by their paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from clearsight.data.formats.folder import FileReader
from clearsight.data.formats.image_paths import ImagePaths
from clearsight.data.formats.rows import Rows
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions


def list_paths(
    folder: Path,
    cells: Sequence[str],
    rows: Rows,
    options: SourceOptions,
    table: tuple[str, str],
) -> Listing:
    """List images by the paths in a table's cells.

    Args:
        folder: what the paths are relative to.
        cells: N paths.
        rows: what else the N rows say; their keys are not looked at.
        options: the user's.
        table: what to call the table in messages, and its signature.

    Raises:
        DataError: as `ImagePaths.keys` and `Rows.listing`.
    """
    provenance, signature = table
    paths = ImagePaths(folder, provenance)
    keys = paths.keys(cells, rows.row_name)
    return replace(rows, keys=keys).listing(
        FileReader(paths.folder), options, provenance, f"{signature}\n{paths.signature(keys)}"
    )
