"""How named images are written, one row after the other. The one table of forms is at the end."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from clearsight.errors import MissingExtraError

if TYPE_CHECKING:
    from clearsight.predict.predict import Prediction

_PARQUET_ROWS = 10_000  # a row group; so many are held in memory


class RowWriter(Protocol):
    """Writes rows to a file that is open."""

    def write(self, row: Prediction) -> None:
        """Write one."""
        ...

    def close(self) -> None:
        """Write what is left; the file itself stays open."""
        ...


class CsvRows:
    """One line an image: image, truth, class and probability, more of them with --top."""

    def __init__(self, file: TextIO, top: int) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._top = top
        numbered = [("class", "probability")]
        numbered += [(f"class_{place}", f"probability_{place}") for place in range(2, top + 1)]
        kinds = [name for pair in numbered for name in pair]
        self._writer.writerow(["image", "truth", *kinds, "error", "warning"])

    def write(self, row: Prediction) -> None:
        """Write one."""
        kinds: list[Any] = [value for kind, share in row.kinds for value in (kind, f"{share:.6f}")]
        kinds += [""] * (2 * self._top - len(kinds))
        self._writer.writerow(
            [row.name, row.truth or "", *kinds, row.problem or "", row.warning or ""]
        )

    def close(self) -> None:
        """Do nothing: every row has been written."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, file: TextIO, top: int) -> None:
        del top
        self._file = file

    def write(self, row: Prediction) -> None:
        """Write one."""
        self._file.write(json.dumps(as_json(row), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Do nothing: every row has been written."""


class ParquetRows:
    """A Parquet file, written in row groups."""

    def __init__(self, file: Any, top: int) -> None:
        del top
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("--format parquet", "parquet") from error
        self._pyarrow = pyarrow
        kind = pyarrow.struct([("class", pyarrow.string()), ("probability", pyarrow.float32())])
        self._schema = pyarrow.schema(
            [
                ("image", pyarrow.string()),
                ("truth", pyarrow.string()),
                ("predictions", pyarrow.list_(kind)),
                ("error", pyarrow.string()),
                ("warning", pyarrow.string()),
            ]
        )
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema)
        self._waiting: list[dict[str, Any]] = []

    def write(self, row: Prediction) -> None:
        """Write one."""
        self._waiting.append(as_json(row))
        if len(self._waiting) == _PARQUET_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the rows that are left, and the file's end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._pyarrow.Table.from_pylist(self._waiting, self._schema))
        self._waiting = []


def as_json(row: Prediction) -> dict[str, Any]:
    """Return a row as JSON-ready values."""
    # A file's name need not be text: what is none is shown by a question mark.
    name = row.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {
        "image": name,
        "truth": row.truth,
        "predictions": [{"class": kind, "probability": share} for kind, share in row.kinds],
        "error": row.problem,
        "warning": row.warning,
    }


@dataclass(frozen=True)
class RowForm:
    """A form in which rows are written as they come.

    Attributes:
        opened: begins a file.
        is_text: whether the file is text, which can go to standard output too.
    """

    opened: Callable[[Any, int], RowWriter]
    is_text: bool = True


ROW_FORMS: dict[str, RowForm] = {
    "csv": RowForm(CsvRows),
    "jsonl": RowForm(JsonLines),
    "parquet": RowForm(ParquetRows, is_text=False),
}


def form_of_suffix(path: Path) -> str | None:
    """Return the form that a file's name asks for; None where it asks for none."""
    suffix = path.suffix.lower().removeprefix(".")
    return suffix if suffix in ROW_FORMS else None
