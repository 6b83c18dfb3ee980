"""CSV files with a header, written as a whole."""

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from clearsight.io.atomic import write_atomically
from clearsight.io.csv_rows import write_rows


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], path: Path) -> None:
    """Write a table with a header, replacing `path` atomically.

    Names of files that are not valid Unicode survive.

    Raises:
        OutputError: when the file cannot be written.
    """
    text: Any = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    with write_atomically(path) as temporary, temporary.open("w", **text) as file:
        write_rows(file, chain([columns], rows))
