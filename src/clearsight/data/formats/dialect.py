"""How a text table is written: its encoding, the character between its cells, and its header."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from clearsight.data.formats.columns import is_usual_name
from clearsight.data.formats.damage import report_damage
from clearsight.data.image_suffixes import is_image
from clearsight.errors import DataError
from clearsight.io.csv_rows import bounded_lines
from clearsight.io.regular_file import open_regular

_DELIMITERS = (",", ";", "\t", "|")
_NO_DELIMITERS = re.compile(r"[\w./\\'\"\r\n-]")  # characters of names and paths
_SEPARATOR_LINE = re.compile(r'"?sep=(.|\\t)"?[\s,;|]*', re.IGNORECASE)  # as Excel reads it
_NUM_LINES = 100  # that are looked at, or fewer if these are long
_NUM_CHARACTERS = 5_000_000
_MAX_SNIFFED = 20_000  # characters
_MIN_PIXELS = 4
_NUMBER = re.compile(r"\d+(?:\.0+)?")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes:
        encoding: its text encoding.
        delimiter: the character between cells.
        has_separator_line: whether its first line says sep= and the delimiter.
        rows: the first rows, header included.
    """

    encoding: str
    delimiter: str
    has_separator_line: bool
    rows: tuple[tuple[str, ...], ...]

    @property
    def has_header(self) -> bool:
        """Whether the first row is a header, as far as the first rows show.

        It is not if it holds the name of an image file, or nothing but numbers, or if none of its
        cells is a usual name of a column and one occurs again below it, as labels do.
        """
        first, *others = self.rows
        if any(map(is_image, first)):
            return False
        if len(first) > _MIN_PIXELS and all(map(_NUMBER.fullmatch, first)):
            return False
        if any(map(is_usual_name, first)):
            return True
        columns = zip(*(row for row in others if len(row) == len(first)), strict=True)
        return not any(
            cell and cell in column for cell, column in zip(first, columns, strict=False)
        )


def detect_dialect(path: Path) -> Dialect:
    """Find out how a text table is written, from its first lines.

    Raises:
        DataError: when it cannot be read, is not text or is empty.
    """
    with report_damage(path, "a table", "check its permissions"), open_regular(path) as file:
        encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with open_text(path, encoding) as file:
        lines, is_cut = _first_lines(file)
        separator = _SEPARATOR_LINE.fullmatch(lines[0].rstrip("\r\n")) if lines else None
        lines = lines[1:] if separator else lines
        delimiter = (
            separator[1].replace("\\t", "\t") if separator else _find_delimiter(lines, is_cut)
        )
        rows = _rows(lines, delimiter, is_cut)
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise DataError(
            f"{path} should be a table whose first line names its columns, but it is empty."
        )
    rows = [tuple(cell.strip() for cell in row) for row in rows]
    return Dialect(encoding, delimiter, separator is not None, tuple(rows))


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """Open a text table, as an iterator over its lines.

    Errors of its encoding and its quotation, and lines without an end, become a `DataError`.
    """
    errors = (ValueError, csv.Error, OSError)
    with (
        report_damage(path, "a text table", "save it as CSV in UTF-8", errors),
        open_regular(path) as content,
        TextIOWrapper(content, encoding, newline="") as file,
    ):
        yield bounded_lines(file)


def _first_lines(lines: Iterator[str]) -> tuple[list[str], bool]:
    """Return the lines to look at, at least one, and whether there are others."""
    found: list[str] = []
    num_characters = 0
    for line in lines:
        if len(found) > _NUM_LINES or num_characters > _NUM_CHARACTERS:
            return found, True
        found.append(line)
        num_characters += len(line)
    return found, False


def _find_delimiter(lines: Sequence[str], is_cut: bool) -> str:
    """Return the delimiter that divides all lines into the same number of cells, the most."""
    widths = {delimiter: _common_width(lines, delimiter, is_cut) for delimiter in _DELIMITERS}
    best = max(widths, key=lambda delimiter: widths[delimiter])
    if widths[best] >= 2:
        return best
    text = "".join(lines)[:_MAX_SNIFFED]
    others = "".join(sorted({*_NO_DELIMITERS.sub("", text)}))
    try:
        other = csv.Sniffer().sniff(text, others).delimiter if others else ","
    except csv.Error:
        other = ","
    if _common_width(lines, other, is_cut) >= 2:
        return other
    # No delimiter fits all lines: that of the header, so that the message names the odd line.
    header = lines[:1]
    return max(_DELIMITERS, key=lambda delimiter: _common_width(header, delimiter, False))


def _common_width(lines: Sequence[str], delimiter: str, is_cut: bool) -> int:
    """Return the number of cells that all rows have; 0 if they differ."""
    widths = {len(row) for row in _rows(lines, delimiter, is_cut)}
    return widths.pop() if len(widths) == 1 else 0


def _rows(lines: Sequence[str], delimiter: str, is_cut: bool) -> list[list[str]]:
    """Divide lines into rows; if more follow, the last row may be incomplete, and is left out."""
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    return rows[:-1] if is_cut and len(rows) > 1 else rows
