"""`TextTable`: a table as lines of text that fit the width they are printed in."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from clearsight.io.displayed_text import displayed

Row = tuple[str, ...]

_GAP = "  "
_INDENT = " " * 4
_MIN_TEXT_WIDTH = 24  # columns in which text can be read


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Where its columns do not fit side by side, each row becomes a block of lines: its first cell,
    and below it the others, each after its column's title. So nothing is cut off.

    Attributes:
        rows: the cells of each row, as many as there are titles.
        header: the columns' titles, which may be empty.
        num_left: how many columns are aligned to the left; the others are aligned to the right.
        details: lines below each row; none by default.
        total: a last row, which lines set apart; None for none.
        last_is_text: whether the last column is a sentence, which is wrapped in its own column.
    """

    rows: Sequence[Row]
    header: Row
    num_left: int = 1
    details: Sequence[Sequence[str]] = ()
    total: Row | None = None
    last_is_text: bool = False

    def lines(self, width: int | None) -> list[str]:
        """Return the table as lines of at most `width` columns; None for any length.

        Example:
            >>> table = TextTable([("conv2d", "320"), ("dense", "1,290")], ("layer", "parameters"))
            >>> print("\\n".join(table.lines(80)))
            layer   parameters
            conv2d         320
            dense        1,290
            >>> print("\\n".join(table.lines(16)))
            conv2d
                parameters 320
            dense
                parameters
                1,290
        """
        rows = [tuple(map(displayed, row)) for row in self.rows]
        extra = [row for row in (self.header, self.total) if row is not None]
        columns = list(zip(*extra, *rows, strict=True))
        widths = [max(map(_width, column)) for column in columns]
        needed = sum(widths) + len(_GAP) * (len(widths) - 1)
        if width is None or needed <= width:
            return self._side_by_side(rows, widths, width)
        widths[-1] -= needed - width
        if self.last_is_text and widths[-1] >= _MIN_TEXT_WIDTH:
            return self._side_by_side(rows, widths, width)
        return self._blocks(rows, width)

    def _side_by_side(
        self, rows: Sequence[Row], widths: Sequence[int], width: int | None
    ) -> list[str]:
        def align(row: Row) -> str:
            cells = (
                f"{cell}{' ' * (space - _width(cell))}"
                if index < self.num_left
                else f"{' ' * (space - _width(cell))}{cell}"
                for index, (cell, space) in enumerate(zip(row, widths, strict=True))
            )
            return _GAP.join(cells).rstrip()

        lines = [align(self.header)] if any(self.header) else []
        rule = "-" * (sum(widths) + len(_GAP) * (len(widths) - 1))
        lines += [rule] * (self.total is not None)
        for index, row in enumerate(rows):
            parts = wrapped(row[-1], widths[-1]) if self.last_is_text else [row[-1]]
            lines.append(align((*row[:-1], parts[0])))
            lines += [align((*("" for _ in row[:-1]), part)) for part in parts[1:]]
            lines += self._details(index, width)
        return lines if self.total is None else [*lines, rule, align(self.total)]

    def _blocks(self, rows: Sequence[Row], width: int) -> list[str]:
        lines = []
        for index, row in enumerate(rows):
            lines += self._block(row, width)
            lines += self._details(index, width)
        if self.total is not None:
            lines += ["-" * width, *self._block(self.total, width)]
        return lines

    def _block(self, row: Row, width: int) -> list[str]:
        pairs = [
            f"{title} {cell}".strip()
            for title, cell in zip(self.header[1:], row[1:], strict=True)
            if cell
        ]
        lines = wrapped(row[0], width)
        line = ""
        for pair in pairs:
            longer = f"{line}{_GAP}{pair}" if line else f"{_INDENT}{pair}"
            if line and _width(longer) > width:
                lines += [line]
                longer = f"{_INDENT}{pair}"
            line = longer
            if _width(line) > width:  # a single pair
                *full, line = wrapped(pair, width, _INDENT)
                lines += full
        return [*lines, line] if line else lines

    def _details(self, index: int, width: int | None) -> list[str]:
        given = self.details[index] if self.details else ()
        return [line for text in given for line in wrapped(text, width, _INDENT, 2 * _INDENT)]


def _width(text: str) -> int:
    """Return how many columns text takes on a terminal, where some letters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def wrapped(text: str, width: int | None, indent: str = "", later: str | None = None) -> list[str]:
    """Return a sentence as lines of at most `width` columns; longer words are divided.

    Args:
        text: the sentence.
        width: of a line; None for one line.
        indent: at the start of the first line.
        later: at the start of the others; by default the same.
    """
    if width is None or _width(indent + text) <= width:
        return [indent + text]
    later = indent if later is None else later
    if _width(text) == len(text):
        return textwrap.wrap(
            text, width, initial_indent=indent, subsequent_indent=later, break_on_hyphens=False
        )
    from rich.console import Console
    from rich.text import Text

    console = Console(width=width)
    lines = Text(text).wrap(console, width - len(later))
    starts = [indent, *[later] * len(lines)]
    return [f"{start}{line.plain.rstrip()}" for start, line in zip(starts, lines, strict=False)]
