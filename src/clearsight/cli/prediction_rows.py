"""How predictions are written. The table of formats is at the end."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from clearsight.cli.output import print_json
from clearsight.errors import MissingExtraError

if TYPE_CHECKING:
    from clearsight.predict.predict import Prediction

_ROW_GROUP = 10_000  # rows of a Parquet file that are held in memory


@dataclass(frozen=True)
class RowSettings:
    """What a writer needs to know.

    Attributes:
        predictor: the path of the bundle or run.
        top: classes per image.
    """

    predictor: Path
    top: int


class RowWriter(Protocol):
    """Writes predictions to an open file."""

    def write(self, row: Prediction) -> None:
        """Write one prediction, or hold it until `close`."""
        ...

    def close(self) -> None:
        """Write the rest; the file stays open."""
        ...


class CsvRows:
    """One line per image; with ``--top N`` N pairs of class and probability."""

    def __init__(self, file: TextIO, settings: RowSettings) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._top = settings.top
        columns = ["class_name", "probability"]
        for rank in range(2, settings.top + 1):
            columns += [f"class_name_{rank}", f"probability_{rank}"]
        self._writer.writerow(["image", "true_label", *columns, "error", "warning"])

    def write(self, row: Prediction) -> None:
        """Write one line."""
        values = [value for name, p in row.classes for value in (name, f"{p:.6f}")]
        values += [""] * (2 * self._top - len(values))
        self._writer.writerow(
            [row.name, row.true_label or "", *values, row.problem or "", row.warning or ""]
        )

    def close(self) -> None:
        """Do nothing: every row has been written."""


class JsonLines:
    """One JSON object per line."""

    def __init__(self, file: TextIO, settings: RowSettings) -> None:
        del settings
        self._file = file

    def write(self, row: Prediction) -> None:
        """Write one line."""
        self._file.write(json.dumps(row_to_json(row), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Do nothing: every row has been written."""


class ParquetRows:
    """A Parquet file, written in row groups."""

    def __init__(self, file: Any, settings: RowSettings) -> None:
        del settings
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingExtraError("--format parquet", "parquet") from error
        self._pyarrow = pyarrow
        text = pyarrow.string()
        pair = pyarrow.struct([("class_name", text), ("probability", pyarrow.float32())])
        self._schema = pyarrow.schema(
            [
                ("image", text),
                ("true_label", text),
                ("predictions", pyarrow.list_(pair)),
                ("error", text),
                ("warning", text),
            ]
        )
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, row: Prediction) -> None:
        """Hold one row, and write a row group once it is full."""
        self._rows.append(row_to_json(row))
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the file's footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._pyarrow.Table.from_pylist(self._rows, self._schema))
        self._rows = []


class TableRows:
    """A table to read, its columns as wide as the longest name."""

    def __init__(self, file: TextIO, settings: RowSettings) -> None:
        del settings
        self._file = file
        self._rows: list[Prediction] = []

    def write(self, row: Prediction) -> None:
        """Hold one row."""
        self._rows.append(row)

    def close(self) -> None:
        """Write the table."""
        rows = self._rows
        name_width = max((len(row.name) for row in rows), default=0)
        class_width = max((len(name) for row in rows for name, _ in row.classes), default=0)
        for row in rows:
            text = "  ".join(f"{name:<{class_width}} {p:6.1%}" for name, p in row.classes)
            if row.problem is not None:
                text = "cannot be read"
            elif row.true_label is not None:
                text += f"  (true: {row.true_label})"
            print(f"{row.name:<{name_width}}  {text}", file=self._file)


class JsonObject:
    """One JSON object for all images, which lists unreadable ones under "failed"."""

    def __init__(self, file: TextIO, settings: RowSettings) -> None:
        self._file = file
        self._run = str(settings.predictor)
        self._rows: list[Prediction] = []

    def write(self, row: Prediction) -> None:
        """Hold one row."""
        self._rows.append(row)

    def close(self) -> None:
        """Write the object."""
        rows = [(row, row_to_json(row)) for row in self._rows]
        keys = ("image", "true_label", "predictions")
        values = {
            "run": self._run,
            "warnings": [text for row, _ in rows if (text := row.problem or row.warning)],
            "images": [{key: json_[key] for key in keys} for row, json_ in rows if not row.problem],
            "failed": [
                {"image": json_["image"], "error": row.problem}
                for row, json_ in rows
                if row.problem
            ],
        }
        print_json(values, self._file)


def row_to_json(row: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON values."""
    # A file name need not be valid text: what is not is replaced by a question mark.
    name = row.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {
        "image": name,
        "true_label": row.true_label,
        "predictions": [{"class_name": name, "probability": p} for name, p in row.classes],
        "error": row.problem,
        "warning": row.warning,
    }


@dataclass(frozen=True)
class RowFormat:
    """A format for predictions.

    Attributes:
        writer: starts writing to an open file.
        is_text: whether the file is text; if not, it cannot go to standard output.
        is_streamed: whether rows are written as they come, each with its own error; if not, they
            are held in memory.
    """

    writer: Callable[[Any, RowSettings], RowWriter]
    is_text: bool = True
    is_streamed: bool = True


ROW_FORMATS: dict[str, RowFormat] = {
    "table": RowFormat(TableRows, is_streamed=False),
    "csv": RowFormat(CsvRows),
    "jsonl": RowFormat(JsonLines),
    "parquet": RowFormat(ParquetRows, is_text=False),
}
JSON_FORMAT = RowFormat(JsonObject, is_streamed=False)  # --json
