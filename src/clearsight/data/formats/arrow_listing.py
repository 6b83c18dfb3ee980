"""Lists the images in Parquet and Arrow files: one file, or one or more for each part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.formats.arrow_files import (
    ArrowReader,
    FileColumns,
    describe_file,
    read_columns,
)
from clearsight.data.formats.columns import KnownColumns, find_columns
from clearsight.data.formats.image_files import file_signature
from clearsight.data.formats.image_paths import list_image_paths
from clearsight.data.formats.rows import Rows
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.listing import Listing, Part
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from clearsight.option_names import option

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


@dataclass(frozen=True)
class ArrowFiles:
    """One or more Parquet or Arrow files that have the same columns.

    Attributes:
        root: the folder that they are in.
        files: the files.
        source: what messages call the files together.
        columns: their columns.
    """

    root: Path
    files: tuple[PartFile, ...]
    source: str
    columns: FileColumns

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns."""
        return self.columns.names

    @property
    def known(self) -> KnownColumns:
        """The columns of images and of labels, if only one has their type."""
        images, classes = self.columns.image_columns, self.columns.class_names
        labels = [name for name in classes if name in self.names]
        return KnownColumns(
            image=images[0] if len(images) == 1 else None,
            label=labels[0] if len(labels) == len(classes) == 1 else None,
            others=images,
        )

    def read(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Return the cells of whole columns."""
        return self.read_rows(names)[0]

    def read_rows(
        self, names: Sequence[str]
    ) -> tuple[dict[str, list[Any]], list[str], list[Part | None]]:
        """Return the cells of whole columns, at least one; the N keys of rows; and their parts.

        A key is a file's name, "#" and the row's number; the parts are those of the files.
        """
        cells: dict[str, list[Any]] = {name: [] for name in names}
        keys: list[str] = []
        parts: list[Part | None] = []
        for file in self.files:
            for name, column in read_columns(self.root / file.name, names).items():
                cells[name].extend(column)
            num_rows = len(cells[names[0]]) - len(keys)
            keys.extend(f"{file.name}#{row}" for row in range(num_rows))
            parts.extend(file.part for _ in range(num_rows))
        return cells, keys, parts


def list_arrow_files(
    root: Path, files: Sequence[PartFile], options: SourceOptions, provenance: str
) -> Listing:
    """List the images in one or more Parquet or Arrow files that have the same columns.

    Args:
        root: the folder that the files are in.
        files: at least one.
        options: how the source is read.
        provenance: what messages call the files together.

    Raises:
        DataError: when a file cannot be read, or columns, labels or splits are not valid.
        MissingExtraError: when pyarrow is not installed.
    """
    described = [describe_file(root / file.name) for file in files]
    for file, found in zip(files, described, strict=True):
        if found.names != described[0].names:
            raise DataError(
                f"{provenance} should have the same columns in all its files, but {files[0].name} "
                f"has {', '.join(described[0].names)} and {file.name} has "
                f"{', '.join(found.names)}."
            )
    table = ArrowFiles(root, tuple(files), provenance, described[0])
    columns = find_columns(table, options)
    holds_paths = columns.image in table.columns.text_columns
    if not holds_paths and columns.image not in table.columns.image_columns:
        raise DataError(
            f"{provenance} should hold encoded images or their paths in its column "
            f"'{columns.image}', but holds another type: choose another with "
            f"{option('image_column')}."
        )
    names = [name for name in columns.names if holds_paths or name != columns.image]
    cells, keys, parts = table.read_rows(names)
    # A file's own part takes precedence over the split column.
    in_column: list[Any] = cells[columns.split] if columns.split else parts
    splits: list[Any] = [part or cell for part, cell in zip(parts, in_column, strict=True)]
    labels, class_names = columns.read_labels(cells), columns.class_names
    listed = table.columns.class_names.get(columns.labels[0])
    if listed is not None:
        class_names = ClassNames(listed, tuple(range(len(listed))))
        labels = [None if label == _NO_CLASS else label for label in labels]
    rows = Rows(
        table=provenance,
        labels=labels,
        row_name=lambda row: "row {2} of {0}".format(*keys[row].rpartition("#")),
        splits=splits if columns.split or any(parts) else None,
        groups=cells[columns.group] if columns.group else None,
        class_names=class_names,
        notes=columns.notes,
    )
    signature = "\n".join(file_signature(root / file.name) for file in files)
    if holds_paths:
        return list_image_paths(root, cells[columns.image], rows, options, signature)
    reader = ArrowReader(str(root.resolve()), columns.image)
    return rows.to_listing(keys, reader, options, f"{signature}\n{columns}")
