"""Plain text tables of layers, and shapes and sizes as text."""

import re
from collections.abc import Sequence
from textwrap import wrap

Row = tuple[str, ...]

_WIDTH = 80  # columns
_INDENT = " " * 4


def format_table(
    header: Row,
    layers: Sequence[tuple[Row, Sequence[str]]],
    total: Row,
    summary: str,
    num_left: int,
) -> str:
    """Return a table with a row for each layer, indented lines of details below it, and totals.

    Details and summary are wrapped at 80 columns.

    Args:
        header: the columns' titles.
        layers: each layer's row and the lines below it.
        total: the last row.
        summary: the sentence below the table.
        num_left: how many columns are aligned to the left; the others are aligned to the right.
    """
    rows = [header, *(row for row, _ in layers), total]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]

    def align(row: Row) -> str:
        cells = zip(row, widths, strict=True)
        return "  ".join(
            cell.ljust(width) if index < num_left else cell.rjust(width)
            for index, (cell, width) in enumerate(cells)
        ).rstrip()

    rule = "-" * len(align(header))
    lines = [align(header), rule]
    for row, details in layers:
        lines.append(align(row))
        for line in details:
            lines += _wrap(line, _INDENT)
    return "\n".join([*lines, rule, align(total), *_wrap(summary)])


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
