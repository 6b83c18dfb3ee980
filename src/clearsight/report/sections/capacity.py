"""The section of the network: its layers, their sizes, and where its parameters are."""

from __future__ import annotations

from typing import Any

from clearsight.models.table import format_bytes, format_shape
from clearsight.models.trace import LayerTrace, Trace

_MOST_ROWS = 40  # layers up to which the table is expanded


def capacity_section(trace: Trace) -> dict[str, Any]:
    """Return what the section shows."""
    parameters = max(sum(layer.num_parameters for layer in trace.layers), 1)
    arithmetic = max(trace.multiply_adds, 1)
    return {
        "sentence": trace.summary,
        "layers": [_row(layer) for layer in trace.layers],
        "is_long": len(trace.layers) > _MOST_ROWS,
        "input": format_shape(trace.input_shape),
        "num_parameters": f"{trace.num_parameters:,}",
        "multiply_adds": f"{'at least ' if trace.has_unknown_costs else ''}{trace.multiply_adds:,}",
        "memory": format_bytes(trace.activation_bytes),
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
        "kind": layer.layer_type,
        "shape": " ".join(map(format_shape, (layer.output_shape, *layer.more_output_shapes))),
        "parameters": f"{layer.num_parameters:,}",
        "multiply_adds": "?" if layer.multiply_adds is None else f"{layer.multiply_adds:,}",
        "memory": format_bytes(layer.activation_bytes),
        "receptive_field": f"{field[0]}×{field[1]}" if field else "?",
        "worked": [text for text in (layer.size_formula, layer.parameter_formula) if text],
    }
