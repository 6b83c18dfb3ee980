"""`Interval`: a 95% interval, and Student's t interval of a mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Z = 1.959963984540054  # two-sided 95% quantile of the standard normal distribution


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
    from scipy.special import stdtrit

    half_width = float(stdtrit(max(math.floor(freedom), 1), 0.975)) * standard_error
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
