"""Traces as plain text tables, for the terminal and for ``print``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.models.comparison import TraceComparison
    from clearsight.models.trace import LayerTrace, Trace

_Row = tuple[str, ...]


def trace_table(trace: Trace) -> str:
    """Return a line of numbers for every layer and under it the formulas worked; then totals."""
    header = ("Layer", "Output shape", "Params", "Mult-adds", "Memory", "Sees")
    rows = [_layer_row(layer) for layer in trace.layers]
    total = (
        f"total for {shape_text(trace.input_shape)}",
        "",
        f"{trace.num_parameters:,}",
        f"{'>= ' if trace.has_unknown_costs else ''}{trace.multiply_adds:,}",
        size_text(trace.activation_bytes),
        "",
    )
    head, *lines, last = _aligned([header, *rows, total], left=2)
    text = [head, "-" * len(head)]
    for line, layer in zip(lines, trace.layers, strict=True):
        text.append(line)
        text.append(
            f"    {'      '.join(filter(None, (layer.size_worked, layer.parameters_worked)))}"
        )
    return "\n".join([*text, "-" * len(head), last, trace.where_the_capacity_lives])


def comparison_table(comparison: TraceComparison) -> str:
    """Return a line for every layer of either network and under it why they differ."""
    header = ("Layer", "First", "Second", "Params first", "Params second")
    rows: list[_Row] = []
    for change in comparison.changes:
        layer = change.first or change.second
        assert layer is not None  # a change has at least one side
        sides = (change.first, change.second)
        shapes = (shape_text(side.output_shape) if side else "-" for side in sides)
        counts = (f"{side.num_parameters:,}" if side else "-" for side in sides)
        rows.append((f"{layer.name} {layer.kind}", *shapes, *counts))
    counts = (f"{trace.num_parameters:,}" for trace in (comparison.first, comparison.second))
    head, *lines, last = _aligned([header, *rows, ("total", "", "", *counts)], left=3)
    text = [head, "-" * len(head)]
    for line, change in zip(lines, comparison.changes, strict=True):
        text.append(line)
        if change.reason:
            text.append(f"    {change.reason}")
    return "\n".join([*text, "-" * len(head), last, comparison.summary])


def shape_text(shape: tuple[int, ...]) -> str:
    """Return "(28, 28, 32)" for a map and "128" for a vector."""
    return f"({', '.join(map(str, shape))})" if len(shape) > 1 else "".join(map(str, shape))


def _layer_row(layer: LayerTrace) -> _Row:
    field = layer.receptive_field
    return (
        f"{layer.name} {layer.kind}",
        " ".join(map(shape_text, (layer.output_shape, *layer.more_output_shapes))),
        f"{layer.num_parameters:,}",
        "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}",
        size_text(layer.activation_bytes),
        f"{field[0]}x{field[1]}" if field else "?",
    )


def _aligned(rows: list[_Row], left: int) -> list[str]:
    """Pad the columns to the same width, the first `left` of them to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def size_text(size_bytes: int) -> str:
    """Return a number of bytes in B, KB or MB."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    kilobytes = size_bytes / 1024
    return f"{kilobytes:.1f} KB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"
