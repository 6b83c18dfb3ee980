"""Lists the images in Parquet and Arrow files: one file, or one or more for each part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.formats.arrow_files import ArrowReader, describe_file, read_columns
from clearsight.data.formats.columns import find_columns
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
    images, classes = first.image_columns, first.class_names
    columns = find_columns(
        first.names,
        options,
        provenance,
        image=images[0] if len(images) == 1 else None,
        label=next(iter(classes)) if len(classes) == 1 and {*classes} <= {*first.names} else None,
    )
    holds_paths = columns.image in first.text_columns
    if not holds_paths and columns.image not in images:
        raise DataError(
            f"{provenance} should hold encoded images or their paths in its column "
            f"'{columns.image}', but holds another type: choose another with --image-column."
        )
    names = [name for name in columns.names if holds_paths or name != columns.image]
    cells: dict[str | None, list[Any]] = {name: [] for name in names}
    parts: list[Part | None] = []
    keys: list[str] = []
    for file in files:
        for name, column in read_columns(root / file.name, names).items():
            cells[name].extend(column)
        num_rows = len(cells[columns.label]) - len(keys)
        parts += [file.part] * num_rows
        keys += [f"{file.name}#{row}" for row in range(num_rows)]
    # A file's own part takes precedence over the split column.
    in_column: list[Any] = cells[columns.split] if columns.split else parts
    splits = [part or split for part, split in zip(parts, in_column, strict=True)]
    labels, class_names = cells[columns.label], None
    if columns.label in classes:
        listed = classes[columns.label]
        class_names = ClassNames(listed, tuple(range(len(listed))))
        labels = [None if label == _NO_CLASS else label for label in labels]
    rows = Rows(
        table=provenance,
        labels=labels,
        row_name=lambda row: "row {2} of {0}".format(*keys[row].rpartition("#")),
        splits=splits if columns.split or any(parts) else None,
        groups=cells.get(columns.group),
        class_names=class_names,
    )
    signature = "\n".join(file_signature(root / file.name) for file in files)
    if holds_paths:
        paths = ["" if cell is None else cell for cell in cells[columns.image]]
        return list_image_paths(root, paths, rows, options, signature)
    reader = ArrowReader(str(root.resolve()), columns.image)
    return rows.to_listing(keys, reader, options, f"{signature}\n{columns}")
