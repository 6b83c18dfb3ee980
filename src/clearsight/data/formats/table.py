"""Tables of images: CSV, TSV or Parquet with labels and with paths, encoded images or pixels."""

from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays
from clearsight.data.formats.arrow_files import is_parquet
from clearsight.data.formats.arrow_listing import PartFile, list_arrow_files
from clearsight.data.formats.columns import find_columns
from clearsight.data.formats.delimited import open_delimited
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.image_paths import list_image_paths
from clearsight.data.formats.rows import Rows
from clearsight.data.listing import Listing, Part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits

_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")


def matches(path: Path) -> bool:
    """Return whether `path` has the name of a CSV, TSV or Parquet file."""
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def open_table(path: Path, options: SourceOptions) -> Listing | Splits:
    """List the images of a table.

    Raises:
        DataError: when it cannot be read, columns are missing or ambiguous, or its paths, splits
            or labels are not valid.
        MissingExtraError: for a Parquet file when pyarrow is not installed.
    """
    if is_parquet(path):
        return list_arrow_files(path.parent, [PartFile(path.name)], options, str(path))
    table = open_delimited(path)
    has_pixels = bool(table.pixel_columns) and options.image_column is None
    image = "" if has_pixels else None
    columns = find_columns(table.names, options, str(path), image=image)
    cells, pixels, lines = table.read(columns.names, with_pixels=has_pixels)
    rows = Rows(
        table=str(path),
        labels=cells[columns.label],
        row_name=lambda row: f"line {lines[row]}",
        splits=cells[columns.split] if columns.split else None,
        groups=cells[columns.group] if columns.group else None,
    )
    if has_pixels:
        return _split_pixels(pixels, rows).to_splits(options)
    signature = f"{file_signature(path)}\n{columns}"
    return list_image_paths(path.parent, cells[columns.image], rows, options, signature)


def _split_pixels(pixels: np.ndarray, rows: Rows) -> RawArrays:
    """Divide images with one pixel in each column, uint8 (N, P), into parts."""
    selected = rows.select(range(len(pixels)))
    rows_of: dict[Part, list[int]] = {}
    for place, part in enumerate(selected.parts):
        rows_of.setdefault(part or "train", []).append(place)

    def of_parts(values: Any) -> dict[Part, Any]:
        return {part: [values[place] for place in places] for part, places in rows_of.items()}

    return RawArrays(
        images={part: pixels[taken] for part, taken in of_parts(selected.rows).items()},
        labels=of_parts(selected.labels),
        provenance=rows.table,
        groups=of_parts(selected.groups) if selected.groups else {},
        skipped=selected.skipped,
    )
