"""`ValueAxis`: a chart's vertical axis, broken where a reference value is far from the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

_MARGIN = 0.05  # of the range, on each side
_FAR = 0.6  # of the range: from here on the axis is broken rather than stretched
_BREAK_PIXELS, _REFERENCE_PIXELS = 26, 8  # what is beyond the break: the break, and below the line
_RELAXATIONS = 20
_NUM_TICKS = 5
_TICK_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class ValueAxis:
    """A vertical axis that is linear between some points.

    Attributes:
        values: where it bends, ascending, the ends included.
        pixels: of these values, from the top of the plot.
        ticks: the values that are labelled.
        break_at: the pixel of the break; None if there is none.
    """

    values: tuple[float, ...]
    pixels: tuple[float, ...]
    ticks: tuple[float, ...]
    break_at: float | None

    @classmethod
    def of(
        cls, values: Sequence[float], reference: float | None, height: int, largest: float
    ) -> Self:
        """Return an axis.

        Args:
            values: finite, perhaps none.
            reference: another value to show; None for no other.
            height: of the plot, in pixels.
            largest: the largest possible value; the lowest one is 0.
        """
        reference_only = [] if reference is None else [reference]
        low, high = _with_width(values or reference_only or [0.0])
        width = high - low
        is_far = reference is not None and not (
            low - _FAR * width <= reference <= high + _FAR * width
        )
        if reference is not None and not is_far:
            low, high = min(low, reference), max(high, reference)
            width = high - low
        low, high = low - _MARGIN * width, high + _MARGIN * width
        ticks = tuple(tick for tick in _ticks(low, high) if 0 <= tick <= largest)
        if not is_far or reference is None:
            return cls((low, high), (height, 0), ticks, None)
        beyond = _BREAK_PIXELS + _REFERENCE_PIXELS
        if reference < low:
            pixels = (height - _REFERENCE_PIXELS, height - beyond, 0)
            return cls((reference, low, high), pixels, ticks, height - beyond + _BREAK_PIXELS / 2)
        pixels = (height, beyond, _REFERENCE_PIXELS)
        return cls((low, high, reference), pixels, ticks, beyond - _BREAK_PIXELS / 2)

    def channel(self, alt: Any, field: str) -> Any:
        """Return the encoding of a field on this axis."""
        scale = alt.Scale(domain=list(self.values), range=list(self.pixels), nice=False, zero=False)
        axis = alt.Axis(values=list(self.ticks), format=".6~g")
        return alt.Y(f"{field}:Q", title=None, scale=scale, axis=axis)

    def spread(self, values: Sequence[float], distance: float) -> list[float]:
        """Return the pixels of labels for these values, in their order and so far apart."""
        positions = [self.pixel(value) for value in values]
        order = sorted(range(len(values)), key=lambda index: (positions[index], -values[index]))
        pairs = list(pairwise(order))
        for _ in range(_RELAXATIONS):  # both move, so that each stays near its value
            for above, below in pairs:
                missing = max(distance - (positions[below] - positions[above]), 0) / 2
                positions[above] -= missing
                positions[below] += missing
        lowest, highest = max(self.pixels) - distance / 2, distance / 2
        for number, index in enumerate(order):
            positions[index] = max(positions[index], highest + number * distance)
        for number, index in enumerate(reversed(order)):
            positions[index] = min(positions[index], lowest - number * distance)
        return positions

    def pixel(self, value: float) -> float:
        """Return where a value is, in pixels from the top of the plot."""
        ends = list(zip(self.values, self.pixels, strict=True))
        for (low, start), (high, end) in pairwise(ends):
            if value <= high:
                return start + (end - start) * (value - low) / (high - low)
        return self.pixels[-1]


def _with_width(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high > low:
        return low, high
    half = 0.05 * abs(low) or 0.05
    return low - half, high + half


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Return about five round numbers between two values."""
    rough = (high - low) / _NUM_TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in _TICK_STEPS if step * magnitude >= rough) * magnitude
    first = math.ceil(low / step)
    return tuple(
        float(f"{number * step:.12g}") for number in range(first, math.floor(high / step) + 1)
    )
