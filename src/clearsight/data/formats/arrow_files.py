"""Parquet and Arrow files: their columns, and the encoded images in one of them."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from clearsight.data.folder_walk import is_inside
from clearsight.data.formats.damage import DAMAGE, damaged_image, report_damage
from clearsight.data.limits import MAX_IMAGE_BYTES, max_unpacked_bytes, too_large
from clearsight.errors import DataError, needs_extra
from clearsight.io.regular_file import open_regular, read_regular

_ROWS_AT_ONCE = 64  # encoded images of some megabytes each
_BYTES_AT_ONCE = 100_000_000  # of cells that may all be the same one
_MAX_ROWS = 10_000_000  # each takes a few hundred bytes of memory
_MAX_TEXT_BYTES = 1_000_000_000  # of all cells of a column, which may be stored as one


@dataclass(frozen=True)
class ArrowReader:
    """Reads images that are cells of Parquet or Arrow files.

    A key is a file's path, "#" and the row's number from 0.

    Attributes:
        root: the folder that the files' paths are relative to.
        column: the column of images: bytes, or a struct with a field "bytes".
        image_folders: folders that a field "path" may lead into, for rows without bytes.
    """

    root: str
    column: str
    image_folders: tuple[str, ...] = ()

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read the rows file by file, in ascending order; see `Reader`."""
        rows_of: dict[str, list[int]] = {}
        for key in keys:
            name, _, row = key.rpartition("#")
            rows_of.setdefault(name, []).append(int(row))
        for name, rows in rows_of.items():
            remaining = sorted(rows)
            problem: object = "the file has fewer rows now"
            try:
                for first, cells in _cells(Path(self.root) / name, self.column, remaining):
                    while remaining and remaining[0] < first + len(cells):
                        key = f"{name}#{remaining[0]}"
                        content = self._content(cells, remaining[0] - first, key)
                        remaining.pop(0)
                        yield key, content
            except (*_damage(), AttributeError, DataError) as error:
                problem = error
            for row in remaining:
                yield f"{name}#{row}", damaged_image(f"{name}#{row}", problem)

    def _content(self, cells: Any, row: int, key: str) -> bytes | DataError:
        import pyarrow as pa

        is_struct = pa.types.is_struct(cells.type)
        cell = (cells.field("bytes") if is_struct else cells)[row]
        if cell.is_valid and cells[row].is_valid:
            size = cell.as_buffer().size
            return too_large(key, size) if size > MAX_IMAGE_BYTES else cell.as_py()
        path = cells[row].as_py().get("path") if is_struct and cells[row].is_valid else None
        path = path if isinstance(path, str) and "\0" not in path else ""
        folders = map(os.path.realpath, self.image_folders)
        if not path or not any(is_inside(path, folder) for folder in folders):
            return DataError(
                f"{key} should hold an encoded image, but is empty: save the images themselves "
                "into the table."
            )
        file = Path(os.path.realpath(path))
        if not file.is_file():
            return DataError(f"{key} should be an image, but its file {path} no longer exists.")
        size = file.stat().st_size
        if size > MAX_IMAGE_BYTES:
            return too_large(key, size)
        return read_regular(file, MAX_IMAGE_BYTES)


@dataclass(frozen=True)
class FileColumns:
    """The columns of a Parquet or Arrow file.

    Attributes:
        names: the names of all columns.
        image_columns: the columns that hold bytes, or a struct with a field "bytes".
        class_names: for each column of numbered classes their names, as `datasets` writes them.
        text_columns: the columns of text.
    """

    names: tuple[str, ...]
    image_columns: tuple[str, ...]
    class_names: dict[str, tuple[str, ...]]
    text_columns: tuple[str, ...]


def describe_file(path: Path) -> FileColumns:
    """Read the columns of a Parquet or Arrow file, without its images.

    Raises:
        DataError: when it cannot be read.
        MissingExtraError: when pyarrow is not installed.
    """
    with _report_damage(path):
        import pyarrow as pa

        open_regular(path).close()  # a named pipe would block
        schema = _schema(path)
        binary, text = (pa.binary(), pa.large_binary()), (pa.string(), pa.large_string())
        return FileColumns(
            names=tuple(schema.names),
            image_columns=tuple(each.name for each in schema if _bytes_type(each.type) in binary),
            class_names=_class_names(schema.metadata or {}),
            text_columns=tuple(each.name for each in schema if each.type in text),
        )


def read_columns(path: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Read whole columns of small values as Python objects.

    Raises:
        DataError: when they cannot be read.
    """
    values: dict[str, list[Any]] = {name: [] for name in columns}
    num_rows, num_bytes = 0, dict.fromkeys(columns, 0)
    with _report_damage(path):
        for batch in _batches(path, list(columns)):
            batch.validate(full=True)
            num_rows += batch.num_rows
            if num_rows > _MAX_ROWS:
                raise DataError(
                    f"{path} should have at most {_MAX_ROWS:,} rows, but has more: divide it."
                )
            for name in columns:
                cells = batch.column(name)
                num_bytes[name] += _text_bytes(cells)
                if num_bytes[name] > _MAX_TEXT_BYTES:
                    raise DataError(
                        f"{path} should have labels and paths in its column '{name}', but has "
                        f"more than {_MAX_TEXT_BYTES:,} bytes of text."
                    )
                values[name].extend(cells.to_pylist())
    return values


def is_parquet(path: Path) -> bool:
    """Return whether a file has the name of a Parquet file."""
    return path.suffix.lower() in (".parquet", ".pq")


def _cells(path: Path, column: str, rows: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Iterate over pieces of the column that hold some of `rows` (ascending).

    Yields:
        The number of a piece's first row, and its cells.
    """
    if not is_parquet(path):
        yield from _numbered(_batches(path, [column]), 0)
        return
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        wanted = set(rows)
        first = 0
        for group in range(file.num_row_groups):
            metadata = file.metadata.row_group(group)
            if not wanted.isdisjoint(range(first, first + metadata.num_rows)):
                unpacked = _check_group(metadata, column)
                # Each of the cells may be all that is stored.
                num_rows = min(max(_BYTES_AT_ONCE // max(unpacked, 1), 1), _ROWS_AT_ONCE)
                yield from _numbered(file.iter_batches(num_rows, [group], [column]), first)
            first += metadata.num_rows


def _numbered(batches: Iterable[Any], first: int) -> Iterator[tuple[int, Any]]:
    """Iterate over each batch's first column, with the number of its first row."""
    for batch in batches:
        cells = batch.column(0)
        cells.validate(full=True)  # offsets that lead out of a damaged file would end the process
        yield first, cells
        first += len(cells)


def _check_group(group: Any, column: str) -> int:
    """Return how many bytes a column of a group unpacks to, unless these are far too many."""
    total = 0
    for index in range(group.num_columns):
        chunk = group.column(index)
        if chunk.path_in_schema.split(".")[0] != column:
            continue
        unpacked, packed = chunk.total_uncompressed_size, chunk.total_compressed_size
        if unpacked > max_unpacked_bytes(packed):
            raise DataError(f"it unpacks from {packed:,} to {unpacked:,} bytes, as no images do")
        total += unpacked
    return total


def _text_bytes(cells: Any) -> int:
    """Return how much text an array has, dictionary or not."""
    import pyarrow as pa

    compute: Any = import_module("pyarrow.compute")  # whose functions are made by importing it
    if pa.types.is_dictionary(cells.type):
        lengths = compute.binary_length(cells.dictionary).take(cells.indices)
    elif _is_text(cells.type):
        lengths = compute.binary_length(cells)
    else:
        return 0
    return compute.sum(lengths.cast("int64")).as_py() or 0


def _is_text(column_type: Any) -> bool:
    import pyarrow as pa

    return column_type in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def _schema(path: Path) -> Any:
    if not is_parquet(path):
        with _open_arrow(path) as (schema, _):
            return schema
    from pyarrow import parquet

    return parquet.read_schema(path)


def _batches(path: Path, columns: list[str]) -> Iterator[Any]:
    """Iterate over a file's record batches with these columns."""
    if not is_parquet(path):
        with _open_arrow(path) as (_, batches):
            yield from (batch.select(columns) for batch in batches)
        return
    from pyarrow import parquet

    # As dictionaries, because a single long text may be the cell of a million rows.
    text = [field.name for field in parquet.read_schema(path) if _is_text(field.type)]
    with parquet.ParquetFile(path, read_dictionary=text) as file:
        yield from file.iter_batches(columns=columns)


@contextmanager
def _open_arrow(path: Path) -> Iterator[tuple[Any, Iterable[Any]]]:
    """Open a memory-mapped Arrow file, in either of Arrow's two layouts: schema and batches."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        batches: Any
        try:
            batches = pa.ipc.open_stream(source)
            schema = batches.schema
        except pa.ArrowInvalid:
            source.seek(0)
            file = pa.ipc.open_file(source)
            schema, batches = file.schema, map(file.get_batch, range(file.num_record_batches))
        yield schema, batches


def _bytes_type(column_type: Any) -> Any:
    """Return the type of a struct's field "bytes", and any other type as it is."""
    import pyarrow as pa

    if not pa.types.is_struct(column_type):
        return column_type
    index = column_type.get_field_index("bytes")
    return column_type.field(index).type if index >= 0 else column_type


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Read the class names that `datasets` writes into a file's schema."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: tuple(feature["names"])
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel" and feature.get("names")
        }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _damage() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (*DAMAGE, pa.ArrowException)


def _report_damage(path: Path) -> AbstractContextManager[None]:
    with needs_extra(f"Reading {path}", "parquet"):
        errors = _damage()
    what = "a Parquet file" if is_parquet(path) else "an Arrow file"
    return report_damage(path, what, errors=errors)
