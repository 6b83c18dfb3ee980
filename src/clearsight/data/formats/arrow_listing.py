"""Lists the images in Parquet and Arrow files: one file, or one or more for each part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.formats.arrow_files import ArrowReader, ArrowTable, describe_file, read_columns
from clearsight.data.formats.columns import ColumnFinder, TableColumns
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.image_paths import list_image_paths
from clearsight.data.formats.rows import Rows
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.listing import Listing, Part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError

_NO_CLASS = -1  # what `datasets` writes for an unknown label


@dataclass(frozen=True)
class PartFile:
    """A Parquet or Arrow file.

    Attributes:
        name: its path relative to the source's folder, "/" between names.
        part: the part that all its rows are in, or None if its folder and name do not say.
    """

    name: str
    part: Part | None = None


def list_arrow_files(
    root: Path, files: Sequence[PartFile], options: SourceOptions, provenance: str
) -> Listing:
    """List the images in one or more Parquet or Arrow files that have the same columns.

    Raises:
        DataError: when a file cannot be read, or columns, labels or splits are not valid.
        MissingExtraError: when pyarrow is not installed.
    """
    tables = [describe_file(root / file.name) for file in files]
    first = tables[0]
    for file, table in zip(files, tables, strict=True):
        if table.names != first.names:
            raise DataError(
                f"{provenance} should have the same columns in all its files, but {files[0].name} "
                f"has {', '.join(first.names)} and {file.name} has {', '.join(table.names)}."
            )
    columns = _find_columns(first, options, provenance)
    holds_paths = columns.image in first.text_columns
    if not holds_paths and columns.image not in first.image_columns:
        raise DataError(
            f"{provenance} should hold encoded images or their paths in its column "
            f"'{columns.image}', but holds another type: choose another with --image-column."
        )
    wanted = [columns.label, columns.split, columns.group, columns.image if holds_paths else None]
    names = [name for name in dict.fromkeys(wanted) if name]
    values: dict[str, list[Any]] = {name: [] for name in names}
    keys: list[str] = []
    for file, table in zip(files, tables, strict=True):
        for name, column in read_columns(root / file.name, names).items():
            values[name].extend(column)
        keys.extend(f"{file.name}#{row}" for row in range(table.num_rows))
    listed, class_names = first.class_names.get(columns.label), None
    labels: Sequence[Any] = values[columns.label]
    if listed is not None:
        class_names = ClassNames(listed, tuple(range(len(listed))))
        labels = [None if label == _NO_CLASS else label for label in labels]
    rows = Rows(
        keys=keys,
        labels=labels,
        row_name=lambda row: "row {2} of {0}".format(*keys[row].rpartition("#")),
        splits=_splits(files, tables, values[columns.split] if columns.split else None),
        groups=values[columns.group] if columns.group else None,
        class_names=class_names,
    )
    signature = "\n".join(file_signature(root / file.name) for file in files)
    if holds_paths:
        cells = ["" if cell is None else cell for cell in values[columns.image]]
        return list_image_paths(root, cells, rows, options, (provenance, signature))
    reader = ArrowReader(str(root.resolve()), columns.image)
    return rows.to_listing(reader, options, provenance, f"{signature}\n{columns}")


def _find_columns(table: ArrowTable, options: SourceOptions, provenance: str) -> TableColumns:
    images, classes = table.image_columns, tuple(table.class_names)
    return ColumnFinder(table.names, options, provenance).columns(
        typed_image=images[0] if len(images) == 1 else "",
        typed_label=classes[0] if len(classes) == 1 and classes[0] in table.names else "",
    )


def _splits(
    files: Sequence[PartFile], tables: Sequence[ArrowTable], column: list[Any] | None
) -> list[Any] | None:
    """Return each row's part: a file's own part takes precedence over the split column."""
    if column is None and not any(file.part for file in files):
        return None
    splits: list[Any] = []
    for file, table in zip(files, tables, strict=True):
        begin = len(splits)
        own = column[begin : begin + table.num_rows] if column else [None] * table.num_rows
        splits.extend([file.part] * table.num_rows if file.part else own)
    return splits
