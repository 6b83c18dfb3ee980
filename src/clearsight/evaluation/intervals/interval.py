"""`Interval`: a 95% interval, and Student's t interval of a mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

Z = 1.959963984540054  # two-sided 95% quantile of the standard normal distribution
_SERIES_FROM = 100  # degrees of freedom


@dataclass(frozen=True)
class Interval:
    """A 95% interval.

    Attributes:
        low: its lower end.
        high: its upper end.
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def clip(self, lowest: float, highest: float) -> Interval:
        """Return the part of the interval between two bounds."""
        return Interval(max(self.low, lowest), min(self.high, highest))

    def including(self, value: float) -> Interval:
        """Return the smallest interval that contains this one and a value."""
        return Interval(min(self.low, value), max(self.high, value))


@cache
def t_quantile(freedom: int) -> float:
    """Return the two-sided 95% quantile of Student's t distribution, to ten digits.

    scipy.special has it too, but takes 0.2 s to import, which every training would pay.

    Source: Abramowitz and Stegun 1964, 26.7.5; and 26.7.3 and 26.7.4 where that series is not near
    enough.

    Args:
        freedom: degrees of freedom, at least 1.

    Example:
        >>> round(t_quantile(2), 3)
        4.303
    """
    if freedom >= _SERIES_FROM:
        z, x = Z, Z * Z
        terms = (
            z,
            z * (x + 1) / 4,
            z * (5 * x**2 + 16 * x + 3) / 96,
            z * (3 * x**3 + 19 * x**2 + 17 * x - 15) / 384,
            z * (79 * x**4 + 776 * x**3 + 1482 * x**2 - 1920 * x - 945) / 92160,
        )
        return sum(term / freedom**power for power, term in enumerate(terms))
    low, high = 0.0, 13.0  # 12.71 with one degree of freedom is the largest
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _t_within(middle, freedom) < 0.95 else (low, middle)
    return (low + high) / 2


def _t_within(t: float, freedom: int) -> float:
    """Return the probability that Student's t is between -t and t."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2 == 1
    term, total = cosine if is_odd else 1.0, 0.0
    for step in range(1 if is_odd else 0, freedom - 1, 2):
        total += term
        term *= cosine**2 * (step + 1) / (step + 2)
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total


def t_interval(mean: float, standard_error: float, freedom: float) -> Interval:
    """Return Student's t interval.

    Args:
        mean: the interval's center.
        standard_error: of the mean.
        freedom: degrees of freedom. Rounded down to a whole number of at least 1, which errs
            towards a wider interval.

    Example:
        >>> round(t_interval(0.0, 1.0, 2).high, 3)
        4.303
    """
    half_width = t_quantile(max(math.floor(freedom), 1)) * standard_error
    return Interval(mean - half_width, mean + half_width)


def mean_interval(values: np.ndarray) -> Interval | None:
    """Return Student's t interval for the mean of independent values; None for fewer than three.

    Args:
        values: float (N,).

    Example:
        >>> interval = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]))
        >>> round(interval.low, 2), round(interval.high, 2)
        (0.45, 4.55)
    """
    if len(values) < 3:
        return None
    standard_error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return t_interval(float(np.mean(values)), standard_error, len(values) - 1)
