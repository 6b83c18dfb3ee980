"""Tables of layers as text and for notebooks, and shapes and sizes as text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

from clearsight.display.html import Html, element, joined, table

Row = tuple[str, ...]

_WIDTH = 80  # columns
_INDENT = " " * 4


@dataclass(frozen=True)
class LayerTable:
    """A row for each layer with lines of details below it, and totals: as text and as markup.

    Details and summary are wrapped at 80 columns of text.

    Attributes:
        header: the columns' titles.
        layers: each layer's row and the lines below it.
        total: the last row.
        summary: the sentence below the table.
        num_left: how many columns are aligned to the left; the others are aligned to the right.
    """

    header: Row
    layers: Sequence[tuple[Row, Sequence[str]]]
    total: Row
    summary: str
    num_left: int

    def __str__(self) -> str:
        rows = [self.header, *(row for row, _ in self.layers), self.total]
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

        def align(row: Row) -> str:
            cells = zip(row, widths, strict=True)
            return "  ".join(
                cell.ljust(width) if index < self.num_left else cell.rjust(width)
                for index, (cell, width) in enumerate(cells)
            ).rstrip()

        rule = "-" * len(align(self.header))
        lines = [align(self.header), rule]
        for row, details in self.layers:
            lines.append(align(row))
            for line in details:
                lines += _wrap(line, _INDENT)
        return "\n".join([*lines, rule, align(self.total), *_wrap(self.summary)])

    @property
    def markup(self) -> Html:
        """The table for a notebook."""
        rows = (
            (joined((title, *(element("span", line, class_="faint") for line in details))), *cells)
            for (title, *cells), details in self.layers
        )
        layers = table(self.header, rows, num_left=self.num_left, footer=self.total)
        return joined((layers, element("p", self.summary)))


def _wrap(text: str, indent: str = "") -> list[str]:
    """Wrap text, but within no shape and no hyphenated word."""
    joined = re.sub(r"\(\d+(, \d+)+\)", lambda shape: shape[0].replace(" ", "\xa0"), text)
    lines = wrap(
        joined,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=2 * indent,
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in lines]


def format_shape(shape: tuple[int, ...]) -> str:
    """Return "(28, 28, 32)" for a map and "128" for a vector."""
    return f"({', '.join(map(str, shape))})" if len(shape) > 1 else "".join(map(str, shape))


def format_bytes(size_bytes: int) -> str:
    """Return a number of bytes in B, KB or MB."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    kilobytes = size_bytes / 1024
    return f"{kilobytes:.1f} KB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"


def signed(value: float) -> str:
    """Return a number with four decimals and a proper minus sign."""
    return f"{value:.4f}".replace("-", "−")
