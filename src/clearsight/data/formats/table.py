"""Tables of images: CSV, TSV or Parquet with labels and with paths, encoded images or pixels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays, choose_class_names
from clearsight.data.formats.arrow_files import is_parquet
from clearsight.data.formats.arrow_listing import PartFile, list_arrow_files
from clearsight.data.formats.columns import TableColumns, find_columns
from clearsight.data.formats.delimited import DelimitedFile, open_delimited
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.image_paths import list_image_paths
from clearsight.data.formats.rows import Rows
from clearsight.data.listing import Listing, Part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.option_names import option

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
        if not options.header:
            raise DataError(
                f"{path} is a Parquet file, which always names its columns: leave "
                f"{option('header', False)} out."
            )
        return list_arrow_files(path.parent, [PartFile(path.name)], options, str(path))
    table = open_delimited(path, has_header=options.header)
    columns = find_columns(table, options)
    cells, pixels, lines = table.read_rows(columns.names, with_pixels=not columns.image)
    rows = Rows(
        table=str(path),
        labels=columns.read_labels(cells),
        row_name=lambda row: f"line {lines[row]}",
        splits=cells[columns.split] if columns.split else None,
        groups=cells[columns.group] if columns.group else None,
        class_names=columns.class_names,
        notes=(*_header_notes(table, columns), *columns.notes),
    )
    if not columns.image:
        return _split_pixels(pixels, rows, options)
    signature = f"{file_signature(path)}\n{columns}"
    return list_image_paths(path.parent, cells[columns.image], rows, options, signature)


def _header_notes(table: DelimitedFile, columns: TableColumns) -> list[str]:
    if table.has_header:
        return []
    labels = ", ".join(columns.labels)
    holds = {"images": columns.image, "labels": labels, "splits": columns.split}
    found = [f"{content} in column {name}" for content, name in holds.items() if name]
    return [
        f"{table.path} has no header, so its first line is data and its columns are called 1, 2, "
        f"...: {'; '.join(found)}."
    ]


def _split_pixels(pixels: np.ndarray, rows: Rows, options: SourceOptions) -> Splits:
    """Divide images with one pixel in each column, uint8 (N, P), into parts."""
    names = choose_class_names(options, rows.class_names)
    selected = rows.select(range(len(pixels)), options, names)
    rows_of: dict[Part, list[int]] = {}
    for index, part in enumerate(selected.parts):
        rows_of.setdefault(part or "train", []).append(index)

    def of_parts(values: Any) -> dict[Part, Any]:
        return {part: [values[index] for index in indices] for part, indices in rows_of.items()}

    arrays = RawArrays(
        images={part: pixels[taken] for part, taken in of_parts(selected.rows).items()},
        labels=of_parts(selected.labels),
        provenance=rows.table,
        class_names=rows.class_names,
        groups=of_parts(selected.groups) if selected.groups else {},
        skipped=selected.skipped,
        notes=selected.notes,
    )
    splits = arrays.to_splits(options)
    report = replace(splits.load_report, bad_files=selected.bad_rows, num_listed=len(pixels))
    return replace(splits, load_report=report)
