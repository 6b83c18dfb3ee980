"""A Markdown table whose columns also line up on a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table, each cell padded to its column's width.

    Example:
        >>> print(markdown_table(["program", "seconds"], [["ours", "1.0"]]))
        | program | seconds |
        |---------|---------|
        | ours    | 1.0     |
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"

    def line(cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        return f"| {' | '.join(padded)} |"

    return "\n".join([line(header), rule, *map(line, rows)])
