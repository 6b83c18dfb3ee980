"""The network layer by layer: its sizes worked, and where its parameters and arithmetic sit."""

from __future__ import annotations

from typing import Any

from clearsight.models.trace import LayerTrace, Trace
from clearsight.models.trace_table import shape_text, size_text

_MOST_ROWS = 40  # layers up to which the table stands open


def capacity_section(trace: Trace) -> dict[str, Any]:
    """Return what the section of the network shows."""
    parameters = max(sum(layer.num_parameters for layer in trace.layers), 1)
    arithmetic = max(trace.multiply_adds, 1)
    return {
        "sentence": trace.where_the_capacity_lives,
        "layers": [_row(layer) for layer in trace.layers],
        "is_long": len(trace.layers) > _MOST_ROWS,
        "input": shape_text(trace.input_shape),
        "num_parameters": f"{trace.num_parameters:,}",
        "multiply_adds": f"{'at least ' if trace.has_unknown_costs else ''}{trace.multiply_adds:,}",
        "memory": size_text(trace.activation_bytes),
        "bars": [
            {
                "name": layer.name,
                "parameters": 100 * layer.num_parameters / parameters,
                "arithmetic": 100 * (layer.multiply_adds or 0) / arithmetic,
            }
            for layer in trace.layers
            if layer.num_parameters or layer.multiply_adds
        ],
    }


def _row(layer: LayerTrace) -> dict[str, Any]:
    field = layer.receptive_field
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": " ".join(map(shape_text, (layer.output_shape, *layer.more_output_shapes))),
        "parameters": f"{layer.num_parameters:,}",
        "multiply_adds": "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}",
        "memory": size_text(layer.activation_bytes),
        "sees": f"{field[0]}×{field[1]}" if field else "?",
        "worked": [text for text in (layer.size_worked, layer.parameters_worked) if text],
    }
