"""Text tables: CSV with commas, semicolons or tabs between its cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.formats.reason import reason_of
from clearsight.errors import DataError

_DELIMITERS = (",", ";", "\t")
_MOST_ROWS = 3_000_000  # each takes some hundred bytes of memory
_PIXEL = re.compile(r"(?:pixel|px|p)[_ ]?\d+|\d+x\d+", re.IGNORECASE)
_FEWEST_PIXELS = 4


@dataclass(frozen=True)
class DelimitedFile:
    """A text table, known by its header.

    Attributes:
        path: the file.
        encoding: how its text is encoded.
        delimiter: what stands between cells.
        names: what its columns are called.
    """

    path: Path
    encoding: str
    delimiter: str
    names: tuple[str, ...]

    @property
    def pixel_columns(self) -> list[int]:
        """Which columns hold one pixel each; none in a table that names image files."""
        columns = [place for place, name in enumerate(self.names) if _PIXEL.fullmatch(name.strip())]
        return columns if len(columns) >= _FEWEST_PIXELS else []

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Iterate over the rows below the header.

        Yields:
            The number of the line that a row ends in, and as many cells as there are columns.

        Raises:
            DataError: when a row has another number of cells, there are absurdly many rows, or the
                file is no text.
        """
        with _open(self.path, self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            next(reader, None)
            num_rows = 0
            for row in reader:
                if not row:
                    continue
                num_rows += 1
                if len(row) != len(self.names):
                    raise DataError(
                        f"{self.path} should have {len(self.names)} cells in every row, as in its "
                        f"header, but has {len(row)} in line {reader.line_num}: is a quotation "
                        "mark missing?"
                    )
                if num_rows > _MOST_ROWS:
                    raise DataError(
                        f"{self.path} should have at most {_MOST_ROWS:,} rows, but has more: save "
                        "it as Parquet."
                    )
                yield reader.line_num, row


def open_delimited(path: Path) -> DelimitedFile:
    """Read a text table's header.

    Raises:
        DataError: when it cannot be read, is no text or has no header.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(4)
    except OSError as error:
        raise DataError(
            f"{path} should be a table, but cannot be read: {reason_of(error)}."
        ) from error
    encoding = "utf-16" if begin[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    names_of: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        with _open(path, encoding) as file:
            names_of[delimiter] = next(csv.reader(file, delimiter=delimiter), [])
    delimiter = max(_DELIMITERS, key=lambda delimiter: len(names_of[delimiter]))
    names = tuple(name.strip() for name in names_of[delimiter])
    if not any(names):
        raise DataError(
            f"{path} should be a table whose first line names its columns, but it is empty."
        )
    return DelimitedFile(path, encoding, delimiter, names)


@contextmanager
def _open(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    try:
        with path.open(encoding=encoding, newline="") as file:
            yield file
    except UnicodeError as error:
        raise DataError(
            f"{path} should be a table in UTF-8, but is not ({reason_of(error)}): save it as UTF-8."
        ) from error
    except (csv.Error, OSError) as error:
        raise DataError(
            f"{path} should be a table of text, but cannot be read ({reason_of(error)})."
        ) from error
