"""Quantiles that 95% intervals are made of."""

from __future__ import annotations

import math

Z = 1.959963984540054  # two-sided 95% quantile of the standard normal distribution

_CONFIDENCE = 0.95


def t_quantile(freedom: float) -> float:
    """Return the two-sided 95% quantile of Student's t distribution.

    Args:
        freedom: degrees of freedom, rounded down to a whole number, at least 1; that makes
            intervals rather too wide than too narrow.

    Example:
        >>> round(t_quantile(2), 3)
        4.303
    """
    whole = max(math.floor(freedom), 1)
    low, high = 0.0, 13.0  # 12.71 with one degree of freedom is the largest
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, whole) < _CONFIDENCE else (low, middle)
    return (low + high) / 2


_MOST_TERMS = 10_000  # beyond, the distribution is the normal one to four digits


def _within(t: float, freedom: int) -> float:
    """Return the share of Student's t distribution between -t and t.

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4.
    """
    if freedom > _MOST_TERMS:
        return math.erf(t / math.sqrt(2))
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2 == 1
    term = cosine if is_odd else 1.0
    total = 0.0
    for step in range(1 if is_odd else 0, freedom - 1, 2):
        total += term
        term *= cosine**2 * (step + 1) / (step + 2)
    return 2 / math.pi * (angle + sine * total) if is_odd else sine * total
