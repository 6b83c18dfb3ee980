"""Text tables: CSV with commas, semicolons or tabs between cells."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from clearsight.data.formats.damage import report_damage
from clearsight.errors import DataError

_DELIMITERS = (",", ";", "\t")
_MAX_ROWS = 3_000_000  # each takes a few hundred bytes of memory
_PIXEL = re.compile(r"(?:pixel|px|p)[_ ]?\d+|\d+x\d+", re.IGNORECASE)
_MIN_PIXELS = 4


@dataclass(frozen=True)
class DelimitedFile:
    """A text table whose header has been read.

    Attributes:
        path: the file.
        encoding: its text encoding.
        delimiter: the character between cells.
        names: the names of its columns.
    """

    path: Path
    encoding: str
    delimiter: str
    names: tuple[str, ...]

    @property
    def pixel_columns(self) -> list[int]:
        """The columns that hold one pixel each; none in a table of image files."""
        columns = [index for index, name in enumerate(self.names) if _PIXEL.fullmatch(name)]
        return columns if len(columns) >= _MIN_PIXELS else []

    def read(
        self, names: Sequence[str], *, with_pixels: bool = False
    ) -> tuple[dict[str, list[str]], np.ndarray, list[int]]:
        """Read whole columns.

        Returns:
            The N cells of each column without white space around them; the pixels, uint8 (N, P),
            or nothing without `with_pixels`; and the N numbers of the lines that the rows end in.

        Raises:
            DataError: when a row has another number of cells, a pixel is not valid, there are too
                many rows, or the file is not text.
        """
        cells: dict[str, list[str]] = {name: [] for name in names}
        columns = [(self.names.index(name), values) for name, values in cells.items()]
        pixel_columns = self.pixel_columns if with_pixels else []
        pixels_of = itemgetter(*pixel_columns) if pixel_columns else lambda _: ()
        pixels = bytearray()
        lines: list[int] = []
        for line, row in self._rows():
            lines.append(line)
            for index, values in columns:
                values.append(row[index].strip())
            try:
                pixels += bytes(map(int, pixels_of(row)))
            except ValueError as error:
                raise DataError(
                    f"{self.path} should hold pixels that are whole numbers from 0 to 255, but "
                    f"holds another value in line {line} ({error})."
                ) from error
        images = np.frombuffer(pixels, np.uint8).reshape(len(lines), len(pixel_columns))
        return cells, images, lines

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Iterate over the number of the line that each row ends in, and the row's cells."""
        with _open_text(self.path, self.encoding) as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            next(reader, None)
            for num_rows, row in enumerate(filter(None, reader), 1):
                if len(row) != len(self.names):
                    raise DataError(
                        f"{self.path} should have {len(self.names)} cells in every row, as in its "
                        f"header, but has {len(row)} in line {reader.line_num}: is a quotation "
                        "mark missing?"
                    )
                if num_rows > _MAX_ROWS:
                    raise DataError(
                        f"{self.path} should have at most {_MAX_ROWS:,} rows, but has more: save "
                        "it as Parquet."
                    )
                yield reader.line_num, row


def open_delimited(path: Path) -> DelimitedFile:
    """Read a text table's header.

    Raises:
        DataError: when it cannot be read, is not text or has no header.
    """
    with report_damage(path, "a table", "check its permissions"), path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    headers: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        with _open_text(path, encoding) as file:
            headers[delimiter] = next(csv.reader(file, delimiter=delimiter), [])
    delimiter = max(_DELIMITERS, key=lambda delimiter: len(headers[delimiter]))
    names = tuple(name.strip() for name in headers[delimiter])
    if not any(names):
        raise DataError(
            f"{path} should be a table whose first line names its columns, but it is empty."
        )
    return DelimitedFile(path, encoding, delimiter, names)


@contextmanager
def _open_text(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    errors = (UnicodeError, csv.Error, OSError)
    with (
        report_damage(path, "a text table", "save it as CSV in UTF-8", errors),
        path.open(encoding=encoding, newline="") as file,
    ):
        yield file
