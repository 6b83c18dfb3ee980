"""Tables of images: CSV, TSV or Parquet with labels and with paths, encoded images or pixels."""

from __future__ import annotations

from pathlib import Path

from clearsight.data.formats.arrow_files import is_parquet
from clearsight.data.formats.arrow_listing import PartFile, list_arrow_files
from clearsight.data.formats.columns import ColumnFinder
from clearsight.data.formats.delimited import DelimitedFile, open_delimited
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.image_paths import list_image_paths
from clearsight.data.formats.pixel_table import open_pixel_table
from clearsight.data.formats.rows import Rows
from clearsight.data.listing import Listing
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
    if table.pixel_columns and options.image_column is None:
        return open_pixel_table(table, options)
    return _list_rows(table, options)


def _list_rows(table: DelimitedFile, options: SourceOptions) -> Listing:
    columns = ColumnFinder(table.names, options, str(table.path)).columns()
    wanted = (columns.image, columns.label, columns.split, columns.group)
    values: dict[str, list[str]] = {name: [] for name in wanted if name is not None}
    index_of = {name: table.names.index(name) for name in values}
    lines: list[int] = []
    for line, row in table.rows():
        lines.append(line)
        for name, index in index_of.items():
            values[name].append(row[index].strip())
    rows = Rows(
        keys=(),
        labels=values[columns.label],
        row_name=lambda row: f"line {lines[row]}",
        splits=None if columns.split is None else values[columns.split],
        groups=None if columns.group is None else values[columns.group],
    )
    signature = f"{file_signature(table.path)}\n{columns}"
    return list_image_paths(
        table.path.parent, values[columns.image], rows, options, (str(table.path), signature)
    )
