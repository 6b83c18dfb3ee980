"""95% intervals for shares and their differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.quantiles import Z, t_quantile


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


def wilson_interval(num_hits: int, num_trials: int) -> Interval:
    """Return Wilson's score interval for a share of hits.

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953; recommended for all counts
    by Brown, Cai and DasGupta 2001, https://doi.org/10.1214/ss/1009213286.

    Args:
        num_hits: 0..num_trials.
        num_trials: at least 1.

    Raises:
        ValueError: when the counts are not such.

    Example:
        >>> interval = wilson_interval(2649, 3000)
        >>> round(interval.low, 4), round(interval.high, 4)
        (0.871, 0.894)
    """
    if not 0 <= num_hits <= num_trials or num_trials < 1:
        raise ValueError(f"{num_hits} hits of {num_trials} trials is not a share.")
    share = num_hits / num_trials
    shrink = 1 + Z**2 / num_trials
    center = (share + Z**2 / (2 * num_trials)) / shrink
    spread = share * (1 - share) / num_trials + Z**2 / (4 * num_trials**2)
    half_width = Z * math.sqrt(spread) / shrink
    # At 0 and at all hits the exact ends are 0 and 1; rounding may not push them past.
    low = 0.0 if num_hits == 0 else center - half_width
    high = 1.0 if num_hits == num_trials else center + half_width
    return Interval(low, high)


def difference_interval(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """Return the interval for the first share minus the second, of independent samples.

    Newcombe's hybrid score interval, method 10 of Newcombe 1998,
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I.

    Args:
        first: hits and trials of one sample.
        second: hits and trials of the other.
    """
    share, other = first[0] / first[1], second[0] / second[1]
    mine, others = wilson_interval(*first), wilson_interval(*second)
    down = math.hypot(share - mine.low, others.high - other)
    up = math.hypot(mine.high - share, other - others.low)
    return Interval(share - other - down, share - other + up)


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
    center = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half_width = t_quantile(len(values) - 1) * error
    return Interval(center - half_width, center + half_width)
