"""Compare two networks layer by layer, with the reason for each difference."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.display.html import output
from clearsight.io.text_table import Row
from clearsight.models.layer_settings import once
from clearsight.models.layer_trace import LayerTrace
from clearsight.models.table import LayerTable, format_shape
from clearsight.models.trace import Trace

_HEADER = ("Layer", "First", "Second", "Params first", "Params second")


@dataclass(frozen=True)
class LayerChange:
    """One row of the comparison.

    Attributes:
        first: the layer in the first network; None if only the second has it.
        second: the layer in the second network; None if only the first has it.
        reason: reason they differ; "" if they do not.
    """

    first: LayerTrace | None
    second: LayerTrace | None
    reason: str


@dataclass(frozen=True)
class TraceComparison:
    """Two networks with their layers aligned.

    Attributes:
        first: the first network.
        second: the network it is compared with.
        changes: one row for each layer of either.
    """

    first: Trace
    second: Trace
    changes: tuple[LayerChange, ...]

    @property
    def summary(self) -> str:
        """One sentence on the difference in parameters and multiply-adds."""
        counts = self.first.num_parameters, self.second.num_parameters
        costs = self.first.multiply_adds, self.second.multiply_adds
        return (
            f"The second has {_difference(*counts, 'parameters')} and "
            f"{_difference(*costs, 'multiply-adds')}."
        )

    @property
    def table(self) -> LayerTable:
        """A row for each change, with its reason."""
        counts = (f"{trace.num_parameters:,}" for trace in (self.first, self.second))
        rows = [
            (_cells(change), (change.reason,) if change.reason else ()) for change in self.changes
        ]
        return LayerTable(_HEADER, rows, ("total", "", "", *counts), self.summary, num_left=3)

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        num_changed = sum(1 for change in self.changes if change.reason)
        return f"TraceComparison({num_changed} layers differ. {self.summary})"

    def _repr_html_(self) -> str:
        return output(self.table.markup)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "changes": [
                {
                    "first": change.first and change.first.name,
                    "second": change.second and change.second.name,
                    "reason": change.reason,
                }
                for change in self.changes
            ],
            "summary": self.summary,
        }


def _cells(change: LayerChange) -> Row:
    layer = change.first or change.second
    assert layer is not None  # a change has at least one side
    sides = (change.first, change.second)
    shapes = (format_shape(side.output_shape) if side else "-" for side in sides)
    counts = (f"{side.num_parameters:,}" if side else "-" for side in sides)
    says_type = layer.name.replace("_", "").lower().startswith(layer.layer_type.lower())
    name = layer.name if says_type else f"{layer.name} {layer.layer_type}"
    return (name, *shapes, *counts)


def compare_traces(first: Trace, second: Trace) -> TraceComparison:
    """Align two networks by the types of their layers and explain each difference."""
    changes: list[LayerChange] = []
    above: tuple[LayerTrace, LayerTrace] | None = None
    for left, right in _align(first.layers, second.layers):
        if left is None or right is None:
            which = "second" if left is None else "first"
            reason = f"only the {which} network has this layer"
        else:
            reason = _reason(left, right, above)
            above = left, right
        changes.append(LayerChange(left, right, reason))
    return TraceComparison(first, second, tuple(changes))


def _align(
    first: tuple[LayerTrace, ...], second: tuple[LayerTrace, ...]
) -> list[tuple[LayerTrace | None, LayerTrace | None]]:
    """Pair layers of the same type in order, with the greatest total similarity.

    Needleman and Wunsch 1970, https://doi.org/10.1016/0022-2836(70)90057-4, without gap penalty.
    """
    best = np.zeros((len(first) + 1, len(second) + 1))
    for row in reversed(range(len(first))):
        for column in reversed(range(len(second))):
            paired = best[row + 1, column + 1] + _similarity(first[row], second[column])
            best[row, column] = max(paired, best[row + 1, column], best[row, column + 1])
    pairs: list[tuple[LayerTrace | None, LayerTrace | None]] = []
    row = column = 0
    while row < len(first) and column < len(second):
        left, right = first[row], second[column]
        similarity = _similarity(left, right)
        if similarity and best[row, column] == best[row + 1, column + 1] + similarity:
            pairs.append((left, right))
            row, column = row + 1, column + 1
        elif best[row, column] == best[row + 1, column]:
            pairs.append((left, None))
            row += 1
        else:
            pairs.append((None, right))
            column += 1
    return [*pairs, *((left, None) for left in first[row:]), *((None, r) for r in second[column:])]


def _similarity(first: LayerTrace, second: LayerTrace) -> int:
    if first.layer_type != second.layer_type:
        return 0
    return 2 + (first.name == second.name) + (first.settings == second.settings)


def _reason(
    first: LayerTrace, second: LayerTrace, above: tuple[LayerTrace, LayerTrace] | None
) -> str:
    changed = [name for name, value in first.settings.items() if value != second.settings.get(name)]
    if changed:
        reasons = (_REASONS.get(name, _setting_reason)(name, first, second) for name in changed)
        return "; ".join(reasons)
    if first.output_shape == second.output_shape and first.num_parameters == second.num_parameters:
        return ""
    if first.input_shape == second.input_shape:
        return "differs inside"
    if above is None or above[0].output_shape == above[1].output_shape:
        return "follows from the layers above"
    shapes = [format_shape(layer.output_shape) for layer in above]
    return f"follows from {above[0].name} above: its output is {shapes[1]} instead of {shapes[0]}"


def _padding_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    if not all({"kernel_size", "pool_size"} & layer.settings.keys() for layer in (first, second)):
        return _setting_reason(name, first, second)
    axis = 1 if second.settings["data_format"] == "channels_first" else 0
    inputs = first.input_shape[axis], second.input_shape[axis]
    outputs = first.output_shape[axis], second.output_shape[axis]
    if second.settings[name] == "valid":
        verb, reason = "lost", "the filter cannot reach past the border"
        num_pixels = inputs[1] - outputs[1]
    else:
        verb, reason = "kept", "zeros around the border let the filter reach past it"
        num_pixels = inputs[0] - outputs[0]
    if tuple(second.settings["strides"]) == (1, 1) and num_pixels > 0:
        is_odd = num_pixels % 2
        count, where = (num_pixels, "in all") if is_odd else (num_pixels // 2, "on each side")
        reason += f", {'one pixel' if count == 1 else f'{count} pixels'} {verb} {where}"
    if inputs[0] != inputs[1]:
        reason += f"; the input is {inputs[1]} instead of {inputs[0]}"
    return (
        f"padding '{first.settings[name]}' to '{second.settings[name]}', "
        f"{outputs[0]} to {outputs[1]}: {reason}"
    )


def _stride_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    before, after = (once(layer.settings[name]) for layer in (first, second))
    pixels = "1 pixel" if after == "1" else f"{after} pixels"
    return f"stride {before} to {after}: the window moves {pixels} at a time"


def _kernel_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    windows = ("x".join(map(str, layer.settings[name])) for layer in (first, second))
    fields = (
        "x".join(map(str, layer.receptive_field)) if layer.receptive_field else "unknown"
        for layer in (first, second)
    )
    return f"window {' to '.join(windows)}, receptive field {' to '.join(fields)}"


def _count_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    return (
        f"{name} {first.settings[name]} to {second.settings[name]}: "
        f"{_difference(first.num_parameters, second.num_parameters, 'parameters')}"
    )


def _setting_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    return f"{name} {first.settings[name]} to {second.settings.get(name)}"


_REASONS: dict[str, Callable[[str, LayerTrace, LayerTrace], str]] = {
    "padding": _padding_reason,
    "strides": _stride_reason,
    "kernel_size": _kernel_reason,
    "pool_size": _kernel_reason,
    "filters": _count_reason,
    "units": _count_reason,
}


def _difference(first: int, second: int, what: str) -> str:
    if first == second:
        return f"the same number of {what} ({second:,})"
    return f"{abs(second - first):,} {'more' if second > first else 'fewer'} {what} ({second:,})"
