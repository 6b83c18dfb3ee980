"""Parquet and Arrow files: their columns, and the encoded images in one of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.formats.members import MOST_IMAGE_BYTES, damaged_member, too_large
from clearsight.data.formats.reason import reason_of
from clearsight.errors import DataError, MissingExtraError

_ROWS_AT_ONCE = 64  # encoded images of some megabytes each
# A page that unpacks to far more than it is long, and to more than a moment takes, is no image.
_MOST_RATIO = 100
_ALWAYS_ALLOWED_BYTES = 250_000_000


@dataclass(frozen=True)
class ArrowReader:
    """Reads images that are cells of Parquet or Arrow files.

    A key is a file's path, "#" and the row's number from 0.

    Attributes:
        root: the folder that the files' paths are relative to.
        column: the column of images: bytes, or a struct with a field "bytes".
        image_folders: where the paths of a field "path" may lead, for rows without bytes.
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
            left = sorted(rows)
            problem: object = "the file has fewer rows now"
            try:
                for first, cells in _cells(Path(self.root) / name, self.column, left):
                    while left and left[0] < first + len(cells):
                        key = f"{name}#{left[0]}"
                        content = _content(cells, left[0] - first, key, self.image_folders)
                        left.pop(0)
                        yield key, content
            except _damage() as error:
                problem = error
            for row in left:
                yield f"{name}#{row}", damaged_member(f"{name}#{row}", problem)


@dataclass(frozen=True)
class ArrowTable:
    """What a Parquet or Arrow file says about itself.

    Attributes:
        names: what its columns are called.
        num_rows: how many rows it has.
        image_columns: the columns that hold bytes, or a struct with a field "bytes".
        class_names: for each column of numbered classes their names, as `datasets` writes them.
        text_columns: the columns of text.
    """

    names: tuple[str, ...]
    num_rows: int
    image_columns: tuple[str, ...]
    class_names: dict[str, tuple[str, ...]]
    text_columns: tuple[str, ...]


def describe_file(path: Path) -> ArrowTable:
    """Read what a Parquet or Arrow file holds, without its images.

    Raises:
        DataError: when it cannot be read.
        MissingExtraError: when pyarrow is not installed.
    """
    with _told(path):
        schema, num_rows = _schema(path)
        images, texts = [], []
        for field in schema:
            if _is_binary(_bytes_type(field.type)):
                images.append(field.name)
            elif _is_text(field.type):
                texts.append(field.name)
        return ArrowTable(
            names=tuple(schema.names),
            num_rows=num_rows,
            image_columns=tuple(images),
            class_names=_class_names(schema.metadata or {}),
            text_columns=tuple(texts),
        )


def read_columns(path: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Read whole columns of small values as Python objects.

    Raises:
        DataError: when they cannot be read.
    """
    values: dict[str, list[Any]] = {name: [] for name in columns}
    with _told(path):
        for batch in _batches(path, list(columns)):
            batch.validate(full=True)
            for name in columns:
                values[name].extend(batch.column(name).to_pylist())
    return values


def is_parquet(path: Path) -> bool:
    """Tell by its name whether a file is Parquet."""
    return path.suffix.lower() in (".parquet", ".pq")


def _cells(path: Path, column: str, rows: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Iterate over pieces of the column that hold some of `rows` (ascending).

    Yields:
        The number of a piece's first row, and its cells.
    """
    if not is_parquet(path):
        first = 0
        for batch in _batches(path, [column]):
            yield first, _checked(batch.column(0))
            first += batch.num_rows
        return
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        first, wanted = 0, set(rows)
        for group in range(file.num_row_groups):
            end = first + file.metadata.row_group(group).num_rows
            if wanted.isdisjoint(range(first, end)):
                first = end
                continue
            _check_group(file.metadata.row_group(group), column)
            for batch in file.iter_batches(_ROWS_AT_ONCE, [group], [column]):
                yield first, _checked(batch.column(0))
                first += batch.num_rows


def _check_group(group: Any, column: str) -> None:
    for place in range(group.num_columns):
        chunk = group.column(place)
        if chunk.path_in_schema.split(".")[0] != column:
            continue
        unpacked, packed = chunk.total_uncompressed_size, chunk.total_compressed_size
        if unpacked > max(_MOST_RATIO * packed, _ALWAYS_ALLOWED_BYTES):
            raise DataError(f"it unpacks from {packed:,} to {unpacked:,} bytes, as no images do")


def _checked(cells: Any) -> Any:
    cells.validate(full=True)  # offsets that lead out of a damaged file would end the process
    return cells


def _content(cells: Any, place: int, key: str, folders: Sequence[str]) -> bytes | DataError:
    import pyarrow as pa

    is_struct = pa.types.is_struct(cells.type)
    cell = (cells.field("bytes") if is_struct else cells)[place]
    if cell.is_valid and cells[place].is_valid:
        size = cell.as_buffer().size
        return too_large(key, size) if size > MOST_IMAGE_BYTES else cell.as_py()
    path = cells[place].as_py().get("path") if is_struct and cells[place].is_valid else None
    real = os.path.realpath(path) if isinstance(path, str) and "\0" not in path else ""
    if not any(real.startswith(f"{os.path.realpath(folder)}{os.sep}") for folder in folders):
        return DataError(
            f"{key} should hold an encoded image, but is empty: save the images themselves "
            "into the table."
        )
    if not os.path.isfile(real):
        return DataError(f"{key} should be an image, but its file {path} is not there any more.")
    size = os.path.getsize(real)  # noqa: PTH202 - as above
    return too_large(key, size) if size > MOST_IMAGE_BYTES else Path(real).read_bytes()


def _schema(path: Path) -> tuple[Any, int]:
    if is_parquet(path):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            return file.schema_arrow, file.metadata.num_rows
    schema, num_rows = None, 0
    for batch in _batches(path, None):
        schema = batch.schema
        num_rows += batch.num_rows
    if schema is None:
        raise DataError(f"{path} should be a file of rows, but has none.")
    return schema, num_rows


def _batches(path: Path, columns: list[str] | None) -> Iterator[Any]:
    """Iterate over a file's record batches; those of Arrow files are mapped, not read."""
    if is_parquet(path):
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(columns=columns)
        return
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        try:
            stream = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:  # the other of Arrow's two layouts
            source.seek(0)
            file = pa.ipc.open_file(source)
            stream = (file.get_batch(place) for place in range(file.num_record_batches))
        for batch in stream:
            yield batch if columns is None else batch.select(columns)


def _bytes_type(kind: Any) -> Any:
    import pyarrow as pa

    if not pa.types.is_struct(kind):
        return kind
    place = kind.get_field_index("bytes")
    return kind.field(place).type if place >= 0 else kind


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Read the names of classes that `datasets` writes into a file's schema."""
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

    return (
        pa.ArrowException, OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError,
        DataError,
    )  # fmt: skip


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into a sentence."""
    what = "a Parquet file" if is_parquet(path) else "an Arrow file"
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError(f"Reading {path}", "parquet") from error
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise DataError(
            f"{path} should be {what}, but cannot be read ({reason_of(error)}): get it again."
        ) from error
