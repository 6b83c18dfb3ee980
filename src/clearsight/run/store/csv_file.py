"""Opening and writing the CSV files of a run."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from clearsight.io.atomic import write_atomically


def open_csv(path: Path, mode: str = "r") -> TextIO:
    """Open a CSV file; names of files that are not valid Unicode survive writing and reading."""
    file: Any = path.open(mode, newline="", encoding="utf-8", errors="surrogateescape")
    return file


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], path: Path) -> None:
    """Write a table with a header, replacing `path` whole."""
    with write_atomically(path) as temporary, open_csv(temporary, "w") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
