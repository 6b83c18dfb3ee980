"""Rows of the CSV files that we write and read again.

A spreadsheet treats text that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, which may send
other cells elsewhere or start programs, and names of files and classes may come from anyone. Such
text is written with an apostrophe before it, as OWASP recommends
(https://owasp.org/www-community/attacks/CSV_Injection), and read without it. Text that has an
apostrophe there already gets another one, so that every text is read as it was. Numbers are left
alone, negative ones and numbers that are text included.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

# Tab, carriage return and newline are skipped by some spreadsheets; the last four are wide forms.
_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_SUSPICIOUS = frozenset("'=+-@\t\r\n＝＋－＠")  # first characters of those
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MAX_LINE_CHARACTERS = 20_000_000


def write_rows(file: TextIO, rows: Iterable[Sequence[Any]], *, line_end: str = "\r\n") -> None:
    """Write rows of text and numbers to a file opened with ``newline=""``."""
    writer = csv.writer(file, lineterminator=line_end)
    # A set knows most cells to be harmless: a run has hundreds of thousands, and 0.2 s for a call
    # of a function with each.
    writer.writerows(
        [
            _to_cell(value) if isinstance(value, str) and value[:1] in _SUSPICIOUS else value
            for value in row
        ]
        for row in rows
    )


def read_rows(file: TextIO) -> Iterator[list[str]]:
    """Read rows as `write_rows` was given them, numbers as text.

    Raises:
        ValueError: when the file is no CSV file, or has an endless line.
    """
    try:
        for row in csv.reader(bounded_lines(file)):
            yield [from_cell(cell) for cell in row]
    except csv.Error as error:
        raise ValueError(str(error)) from error


def bounded_lines(file: TextIO) -> Iterator[str]:
    """Read lines, none of which can exhaust the memory.

    Raises:
        ValueError: when one is longer than any row.
    """
    while line := file.readline(_MAX_LINE_CHARACTERS):
        if len(line) == _MAX_LINE_CHARACTERS:
            raise ValueError(f"a line has more than {_MAX_LINE_CHARACTERS:,} characters")
        yield line


def from_cell(cell: str) -> str:
    """Return the text that a cell was written from.

    Example:
        >>> from_cell("'=1+1"), from_cell("''=1+1"), from_cell("'tis"), from_cell("-1")
        ('=1+1', "'=1+1", "'tis", '-1')
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _to_cell(value: str) -> str:
    if not _FORMULA.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"
