"""Tables of images: CSV, TSV or Parquet with labels and with paths, encoded images or pixels."""

from collections import Counter
from pathlib import Path

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays
from clearsight.data.formats.arrow_files import is_parquet
from clearsight.data.formats.arrow_listing import PartFile, list_arrow_files
from clearsight.data.formats.columns import ColumnFinder
from clearsight.data.formats.delimited import DelimitedFile, open_delimited
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.image_paths import list_image_paths
from clearsight.data.formats.rows import NO_LABEL, NO_SPLIT, Rows, unknown_split
from clearsight.data.listing import Listing, Part, parse_part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError

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
        return _open_pixels(table, options)
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


def _open_pixels(table: DelimitedFile, options: SourceOptions) -> Splits:
    """Read square grey images from a table such as Kaggle's digit recognizer.

    It has a label and one column for each pixel, a whole number from 0 to 255.
    """
    names, source = list(table.names), str(table.path)
    finder = ColumnFinder(names, options, source)
    label = names.index(finder.label())
    split_name, group_name = finder.split(), finder.group()
    columns = table.pixel_columns
    begin, end = columns[0], columns[-1] + 1
    if len(columns) != end - begin:
        raise DataError(
            f"{source} should have its pixel columns next to each other, but has another column "
            "between them."
        )
    pixels: dict[Part, bytearray] = {}
    labels: dict[Part, list[str]] = {}
    groups: dict[Part, list[str]] = {}
    skipped: Counter[str] = Counter()
    for line, row in table.rows():
        part: Part | None = "train"
        if split_name is not None:
            cell = row[names.index(split_name)]
            part = parse_part(cell)
            if part is None and cell.strip():
                raise unknown_split(source, f"'{cell}' in line {line}")
        if part is None or not row[label].strip():
            skipped[NO_LABEL if part else NO_SPLIT] += 1
            continue
        try:
            values = bytes(map(int, row[begin:end]))
        except ValueError as error:
            raise DataError(
                f"{source} should hold pixels that are whole numbers from 0 to 255, but holds "
                f"another value in line {line} ({error})."
            ) from error
        pixels.setdefault(part, bytearray()).extend(values)
        labels.setdefault(part, []).append(row[label])
        if group_name is not None:
            group = row[names.index(group_name)].strip()
            groups.setdefault(part, []).append(group or f"(line {line})")
    if not pixels:
        raise DataError(f"{source} should hold labelled images, but has no such row.")
    images: dict[Part, np.ndarray] = {
        part: np.frombuffer(bytes(values), np.uint8).reshape(-1, end - begin)
        for part, values in pixels.items()
    }
    groups_of: dict[Part, tuple[str, ...]] = {
        part: tuple(values) for part, values in groups.items()
    }
    arrays = RawArrays(images, labels, source, groups=groups_of, skipped=dict(skipped))
    return arrays.to_splits(options)
