"""Two networks side by side: what changed, layer by layer, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.models.trace import LayerTrace, Trace
from clearsight.models.trace_table import comparison_table, shape_text


@dataclass(frozen=True)
class LayerChange:
    """One row of the comparison; a side is None where the other network alone has the layer.

    Attributes:
        first: the layer in the first network.
        second: the layer in the second network.
        reason: why they differ, in one sentence; "" where they do not.
    """

    first: LayerTrace | None
    second: LayerTrace | None
    reason: str


@dataclass(frozen=True)
class TraceComparison:
    """Two traces, aligned.

    Attributes:
        first: the network traced.
        second: the network it is held against.
        changes: a row for every layer of either.
    """

    first: Trace
    second: Trace
    changes: tuple[LayerChange, ...]

    @property
    def summary(self) -> str:
        """One sentence on parameters and cost."""
        counts = self.first.num_parameters, self.second.num_parameters
        costs = self.first.multiply_adds, self.second.multiply_adds
        return (
            f"The second has {_difference(*counts, 'parameters')} and "
            f"{_difference(*costs, 'multiply-adds')}."
        )

    def __str__(self) -> str:
        return comparison_table(self)

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


def compare_traces(first: Trace, second: Trace) -> TraceComparison:
    """Align two networks by their layers' kinds and say what changed and why."""
    changes: list[LayerChange] = []
    above: tuple[LayerTrace, LayerTrace] | None = None
    for left, right in _aligned(first.layers, second.layers):
        if left is None or right is None:
            which = "second" if left is None else "first"
            reason = f"only the {which} network has this layer"
        else:
            reason = _reason(left, right, above)
            above = left, right
        changes.append(LayerChange(left, right, reason))
    return TraceComparison(first, second, tuple(changes))


def _aligned(
    first: tuple[LayerTrace, ...], second: tuple[LayerTrace, ...]
) -> list[tuple[LayerTrace | None, LayerTrace | None]]:
    """Pair layers of the same kind in order, for the greatest total likeness.

    Needleman and Wunsch 1970, https://doi.org/10.1016/0022-2836(70)90057-4, without gap penalty.
    """
    best = np.zeros((len(first) + 1, len(second) + 1))
    for row in reversed(range(len(first))):
        for column in reversed(range(len(second))):
            paired = best[row + 1, column + 1] + _likeness(first[row], second[column])
            best[row, column] = max(paired, best[row + 1, column], best[row, column + 1])
    pairs: list[tuple[LayerTrace | None, LayerTrace | None]] = []
    row = column = 0
    while row < len(first) and column < len(second):
        left, right = first[row], second[column]
        likeness = _likeness(left, right)
        if likeness and best[row, column] == best[row + 1, column + 1] + likeness:
            pairs.append((left, right))
            row, column = row + 1, column + 1
        elif best[row, column] == best[row + 1, column]:
            pairs.append((left, None))
            row += 1
        else:
            pairs.append((None, right))
            column += 1
    return [*pairs, *((left, None) for left in first[row:]), *((None, r) for r in second[column:])]


def _likeness(first: LayerTrace, second: LayerTrace) -> int:
    if first.kind != second.kind:
        return 0
    return 2 + (first.name == second.name) + (first.settings == second.settings)


def _reason(
    first: LayerTrace, second: LayerTrace, above: tuple[LayerTrace, LayerTrace] | None
) -> str:
    changed = [name for name, value in first.settings.items() if value != second.settings.get(name)]
    if changed:
        reasons = (_EXPLAINED.get(name, _plainly)(name, first, second) for name in changed)
        return "; ".join(reasons)
    if first.output_shape == second.output_shape and first.num_parameters == second.num_parameters:
        return ""
    if first.input_shape == second.input_shape:
        return "made differently inside"
    if above is None or above[0].output_shape == above[1].output_shape:
        return "follows from the layers above"
    shapes = [shape_text(layer.output_shape) for layer in above]
    return f"follows from {above[0].name} above, which gives {shapes[1]} instead of {shapes[0]}"


def _padding_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    change = f"padding '{first.settings[name]}' to '{second.settings[name]}'"
    if not (_is_windowed(first) and _is_windowed(second)):
        return f"padding {first.settings[name]} to {second.settings[name]}"
    axis = 1 if second.settings["data_format"] == "channels_first" else 0
    came_in = first.input_shape[axis], second.input_shape[axis]
    sizes = f"{first.output_shape[axis]} to {second.output_shape[axis]}"
    if second.settings[name] == "valid":
        why = "the filter cannot reach past the border"
        change_in_pixels = came_in[1] - second.output_shape[axis]
    else:
        why = "zeros around the border let the filter reach past it"
        change_in_pixels = came_in[0] - first.output_shape[axis]
    if tuple(second.settings["strides"]) == (1, 1) and change_in_pixels > 0:
        verb = "lost" if second.settings[name] == "valid" else "kept"
        each, left_over = divmod(change_in_pixels, 2)
        on_sides = f"{_pixels(each)} {verb} on each side"
        why += f", {on_sides if not left_over else f'{_pixels(change_in_pixels)} {verb} in all'}"
    if came_in[0] != came_in[1]:
        why += f"; and {came_in[1]} come in instead of {came_in[0]}"
    return f"{change}, {sizes}: {why}"


def _is_windowed(layer: LayerTrace) -> bool:
    return "kernel_size" in layer.settings or "pool_size" in layer.settings


def _kernel_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    rows, columns = first.settings[name], second.settings[name]
    window = "x".join(map(str, rows)), "x".join(map(str, columns))
    return (
        f"window {window[0]} to {window[1]}: each value sees "
        f"{_field(first)} to {_field(second)} of the image"
    )


def _count_reason(name: str, first: LayerTrace, second: LayerTrace) -> str:
    return (
        f"{name} {first.settings[name]} to {second.settings[name]}: "
        f"{_difference(first.num_parameters, second.num_parameters, 'parameters')}"
    )


def _plainly(name: str, first: LayerTrace, second: LayerTrace) -> str:
    return f"{name} {first.settings[name]} to {second.settings.get(name)}"


_EXPLAINED: dict[str, Callable[[str, LayerTrace, LayerTrace], str]] = {
    "padding": _padding_reason,
    "kernel_size": _kernel_reason,
    "pool_size": _kernel_reason,
    "filters": _count_reason,
    "units": _count_reason,
}


def _pixels(count: int) -> str:
    return "one pixel" if count == 1 else f"{count} pixels"


def _field(layer: LayerTrace) -> str:
    return "x".join(map(str, layer.receptive_field)) if layer.receptive_field else "an unknown part"


def _difference(first: int, second: int, what: str) -> str:
    if first == second:
        return f"as many {what} ({second:,})"
    return f"{abs(second - first):,} {'more' if second > first else 'fewer'} {what} ({second:,})"
