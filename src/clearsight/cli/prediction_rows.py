"""How predictions are written, one function per format. The table of formats is at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from clearsight.cli.output import print_json
from clearsight.errors import needs_extra
from clearsight.io.csv_rows import write_rows
from clearsight.io.displayed_text import displayed, displayed_json
from clearsight.io.readable_name import readable_name
from clearsight.io.text_table import TextTable

if TYPE_CHECKING:
    from clearsight.predict.predict import Prediction

_ROW_GROUP = 10_000  # rows of a Parquet file that are held in memory


@dataclass(frozen=True)
class RowSettings:
    """What a format needs to know besides the predictions.

    Attributes:
        predictor: the path of the bundle or run.
        top: classes per image.
        notes: sentences about what was left out.
        columns: of the terminal that a table is written to; None for any number.
    """

    predictor: Path
    top: int
    notes: Sequence[str]
    columns: int | None = None


def write_csv_rows(rows: Iterable[Prediction], file: TextIO, settings: RowSettings) -> None:
    """Write one line per image; with ``--top N`` N pairs of class and probability."""
    columns = ["class", "probability"]
    for rank in range(2, settings.top + 1):
        columns += [f"class_{rank}", f"probability_{rank}"]

    def cells() -> Iterator[list[str | None]]:
        yield ["image", "true_label", *columns, "error", "warning"]
        for row in rows:
            values = [value for name, p in row.classes for value in (name, f"{p:.6f}")]
            values += [""] * (len(columns) - len(values))
            yield [row.name, row.true_label, *values, row.problem, row.warning]

    write_rows(file, cells(), line_end="\n")


def write_json_lines_rows(rows: Iterable[Prediction], file: TextIO, settings: RowSettings) -> None:
    """Write one JSON object per line."""
    del settings
    for row in rows:
        file.write(displayed_json(json.dumps(row_to_json(row), ensure_ascii=False)) + "\n")


def write_parquet_rows(rows: Iterable[Prediction], file: Any, settings: RowSettings) -> None:
    """Write a Parquet file, row group by row group.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """
    del settings
    with needs_extra("--format parquet", "parquet"):
        import pyarrow
        import pyarrow.parquet
    text = pyarrow.string()
    pair = pyarrow.struct([("class", text), ("probability", pyarrow.float32())])
    predictions = pyarrow.list_(pair)
    schema = pyarrow.schema(
        {
            "image": text,
            "true_label": text,
            "predictions": predictions,
            "error": text,
            "warning": text,
        }
    )
    values = map(row_to_json, rows)
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(values, _ROW_GROUP)):
            writer.write_table(pyarrow.Table.from_pylist(group, schema))


def write_table_rows(rows: Iterable[Prediction], file: TextIO, settings: RowSettings) -> None:
    """Write a table to read, which fits the terminal if it is written to one."""
    shown = []
    for row in rows:
        classes = [f"{displayed(name)} {p:.1%}" for name, p in row.classes]
        if row.problem is not None:
            classes = ["cannot be read"]
        classes += [""] * (settings.top - len(classes))
        true_label = "" if row.true_label is None else f"(true: {displayed(row.true_label)})"
        shown.append((row.name, *classes, true_label))
    table = TextTable(shown, ("",) * (settings.top + 2), settings.top + 2)
    for line in table.lines(settings.columns):
        print(line, file=file)


def write_json_object_rows(rows: Iterable[Prediction], file: TextIO, settings: RowSettings) -> None:
    """Write one JSON object for all images, with unreadable ones under "failed"."""
    values: dict[str, Any] = {
        "run": str(settings.predictor),
        "notes": list(settings.notes),
        "warnings": [],
        "images": [],
        "failed": [],
    }
    for row in map(row_to_json, rows):
        error, warning = row.pop("error"), row.pop("warning")
        values["warnings"] += [] if warning is None else [warning]
        if error is None:
            values["images"].append(row)
        else:
            values["failed"].append({"image": row["image"], "error": error})
    print_json(values, file)


def row_to_json(row: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON values."""
    texts = (row.name, row.true_label, row.problem, row.warning)
    image, true_label, error, warning = (text and readable_name(text) for text in texts)
    return {
        "image": image,
        "true_label": true_label,
        "predictions": [{"class": name, "probability": p} for name, p in row.classes],
        "error": error,
        "warning": warning,
    }


@dataclass(frozen=True)
class RowFormat:
    """A format for predictions.

    Attributes:
        write: writes predictions to an open file.
        is_text: whether the file is text; if not, it cannot go to standard output.
        is_streamed: whether rows are written as they come, each with its own error; if not,
            nothing is written before the last prediction.
        is_data: whether it is for programs, which get names as they are unless they are shown on a
            terminal.
    """

    write: Callable[[Iterable[Prediction], Any, RowSettings], None]
    is_text: bool = True
    is_streamed: bool = True
    is_data: bool = False


ROW_FORMATS: dict[str, RowFormat] = {
    "table": RowFormat(write_table_rows, is_streamed=False),
    "csv": RowFormat(write_csv_rows, is_data=True),
    "jsonl": RowFormat(write_json_lines_rows),
    "parquet": RowFormat(write_parquet_rows, is_text=False),
}
JSON_FORMAT = RowFormat(write_json_object_rows, is_streamed=False)  # --json
