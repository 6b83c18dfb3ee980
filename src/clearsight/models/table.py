"""Tables of layers as text and for notebooks, and shapes and sizes as text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clearsight.display.html import Html, element, joined, table
from clearsight.io.text_table import Row, TextTable, wrapped


@dataclass(frozen=True)
class LayerTable:
    """A row for each layer with lines of details below it, and totals: as text and as markup.

    As text it has 80 columns, unless other lines are asked for.

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

    def text(self, width: int = 80) -> str:
        """Return the table as lines of at most so many columns."""
        rows, details = zip(*self.layers, strict=True) if self.layers else ((), ())
        kept = [[_keep_whole(line) for line in lines] for lines in details]
        layers = TextTable(rows, self.header, self.num_left, kept, self.total)
        lines = [*layers.lines(width), *wrapped(_keep_whole(self.summary), width)]
        return "\n".join(lines).replace("\xa0", " ")

    def __str__(self) -> str:
        return self.text()

    @property
    def markup(self) -> Html:
        """The table for a notebook."""
        rows = (
            (joined((title, *(element("span", line, class_="faint") for line in details))), *cells)
            for (title, *cells), details in self.layers
        )
        layers = table(self.header, rows, num_left=self.num_left, footer=self.total)
        return joined((layers, element("p", self.summary)))


def _keep_whole(text: str) -> str:
    """Return text whose shapes are one word each, so that no line ends within one."""
    return re.sub(r"\(\d+(, \d+)+\)", lambda shape: shape[0].replace(" ", "\xa0"), text)


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
