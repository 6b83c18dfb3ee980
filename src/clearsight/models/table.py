"""Plain text tables of layers, and shapes and sizes as text."""

from collections.abc import Sequence

Row = tuple[str, ...]


def format_table(
    header: Row, layers: Sequence[tuple[Row, str]], total: Row, summary: str, num_left: int
) -> str:
    """Return a table with a row for each layer, an indented line of details below it, and totals.

    Args:
        header: the columns' titles.
        layers: each layer's row and its details; "" for none.
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
        if details:
            lines.append(f"    {details}")
    return "\n".join([*lines, rule, align(total), summary])


def format_shape(shape: tuple[int, ...]) -> str:
    """Return "(28, 28, 32)" for a map and "128" for a vector."""
    return f"({', '.join(map(str, shape))})" if len(shape) > 1 else "".join(map(str, shape))


def format_bytes(size_bytes: int) -> str:
    """Return a number of bytes in B, KB or MB."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    kilobytes = size_bytes / 1024
    return f"{kilobytes:.1f} KB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"
