"""Text tables: CSV, with any character between cells, with or without a header."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from clearsight.data.formats.columns import KnownColumns, is_usual_name
from clearsight.data.formats.dialect import Dialect, detect_dialect, open_text
from clearsight.data.image_suffixes import is_image
from clearsight.data.listing import parse_part
from clearsight.errors import DataError, list_some
from clearsight.option_names import option

_MAX_ROWS = 3_000_000  # each takes a few hundred bytes of memory
_PIXEL = re.compile(r"(?:pixel|px|p)[_ ]?\d+|\d+x\d+", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_MIN_PIXELS = 4


@dataclass(frozen=True)
class DelimitedFile:
    """A text table whose first rows have been read.

    Attributes:
        path: the file.
        dialect: how it is written.
        names: the names of its columns: "1", "2", ... without a header.
        has_header: whether its first row is a header.
    """

    path: Path
    dialect: Dialect
    names: tuple[str, ...]
    has_header: bool

    @property
    def source(self) -> str:
        """What messages call it."""
        return str(self.path)

    @property
    def pixel_columns(self) -> list[int]:
        """The columns that hold one pixel each, by number; none in a table of image files."""
        if not self.has_header:
            return list(range(1, len(self.names))) if self._holds_square_images() else []
        columns = [index for index, name in enumerate(self.names) if _PIXEL.fullmatch(name)]
        columns.sort(
            key=lambda index: [int(number) for number in _DIGITS.findall(self.names[index])]
        )
        return columns if len(columns) >= _MIN_PIXELS else []

    @property
    def known(self) -> KnownColumns:
        """The columns of a table without header, by their cells in the first rows."""
        pixels = tuple(self.names[index] for index in self.pixel_columns)
        image = "" if pixels else None
        if self.has_header:
            hint = f" (if its first line is data, add {option('header', False)})"
            return KnownColumns(image=image, others=pixels, hint=hint)
        hint = f" (it has no header; its first line is {list_some(self.dialect.rows[0], 5)})"
        if pixels:
            return KnownColumns(image, self.names[0], others=pixels, hint=hint)
        rows = [row for row in self.dialect.rows if len(row) == len(self.names)]
        cells_of = dict(zip(self.names, zip(*rows, strict=True), strict=True))
        images = [name for name, cells in cells_of.items() if any(map(is_image, cells))]
        splits = [name for name, cells in cells_of.items() if all(map(parse_part, cells))]
        rest = [name for name in self.names if name not in (*images, *splits)]
        if not images and len(rest) == 2:
            # Names of images without a suffix differ, and labels repeat.
            images = [name for name in rest if len({*cells_of[name]}) == len(rows)]
            rest = [name for name in rest if name not in images]
        return KnownColumns(
            image=images[0] if len(images) == 1 else None,
            label=rest[0] if len(rest) == 1 else None,
            split=splits[0] if len(splits) == 1 else None,
            hint=hint,
        )

    def read(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the cells of whole columns; see `read_rows`."""
        return self.read_rows(names)[0]

    def read_rows(
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
        first_line = int(self.dialect.has_separator_line)
        with open_text(self.path, self.dialect.encoding) as file:
            if self.dialect.has_separator_line:
                next(file, None)
            reader = csv.reader(file, delimiter=self.dialect.delimiter)
            for num_rows, row in enumerate(filter(None, reader)):
                line = first_line + reader.line_num
                if self.has_header and not num_rows:
                    continue
                if len(row) != len(self.names):
                    raise DataError(
                        f"{self.path} should have {len(self.names)} cells in every row, as in its "
                        f"first one, but has {len(row)} in line {line}: is a quotation mark "
                        "missing?"
                    )
                if num_rows > _MAX_ROWS:
                    raise DataError(
                        f"{self.path} should have at most {_MAX_ROWS:,} rows, but has more: save "
                        "it as Parquet."
                    )
                yield line, row

    def _holds_square_images(self) -> bool:
        """Whether rows are a label and the pixels of a square image, as in MNIST's usual CSV."""
        num_pixels = len(self.names) - 1
        is_square = num_pixels >= _MIN_PIXELS and math.isqrt(num_pixels) ** 2 == num_pixels
        return is_square and all(cell.isdecimal() for row in self.dialect.rows for cell in row)


def open_delimited(path: Path, *, has_header: bool = True) -> DelimitedFile:
    """Open a text table; without a header only if `has_header` is false or its rows show it.

    Raises:
        DataError: when it cannot be read, is not text, is empty, or has a header after all.
    """
    dialect = detect_dialect(path)
    first = dialect.rows[0]
    no_header = option("header", False)
    if not has_header and sum(map(is_usual_name, first)) > 1:
        raise DataError(
            f"{path} should have no header, because of {no_header}, but its first line "
            f"names the columns {list_some(first, 5)}: leave {no_header} out."
        )
    if has_header and dialect.has_header:
        return DelimitedFile(path, dialect, first, has_header=True)
    numbers = tuple(str(number) for number in range(1, len(first) + 1))
    return DelimitedFile(path, dialect, numbers, has_header=False)
