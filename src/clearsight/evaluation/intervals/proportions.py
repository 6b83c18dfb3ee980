"""95% intervals for proportions and for the difference between two of them."""

import math

from clearsight.evaluation.intervals.interval import Interval, Z


def wilson_interval(num_hits: int, num_trials: int) -> Interval:
    """Return Wilson's score interval for a proportion.

    Source: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953; recommended for all counts
    by Brown, Cai and DasGupta 2001, https://doi.org/10.1214/ss/1009213286.

    Args:
        num_hits: 0..num_trials.
        num_trials: at least 1.

    Raises:
        ValueError: if the counts are out of range.

    Example:
        >>> interval = wilson_interval(2649, 3000)
        >>> round(interval.low, 4), round(interval.high, 4)
        (0.871, 0.894)
    """
    if not 0 <= num_hits <= num_trials or num_trials < 1:
        raise ValueError(
            f"Expected 0 to num_trials hits of at least one trial, but got {num_hits} hits of "
            f"{num_trials} trials."
        )
    fraction = num_hits / num_trials
    shrink = 1 + Z**2 / num_trials
    center = (fraction + Z**2 / (2 * num_trials)) / shrink
    spread = fraction * (1 - fraction) / num_trials + Z**2 / (4 * num_trials**2)
    half_width = Z * math.sqrt(spread) / shrink
    # Without hits, or with hits only, one end is exactly 0 or 1; rounding may not move it.
    low = 0.0 if num_hits == 0 else center - half_width
    high = 1.0 if num_hits == num_trials else center + half_width
    return Interval(low, high)


def difference_interval(first: tuple[int, int], second: tuple[int, int]) -> Interval:
    """Return the interval for the difference of two proportions, of independent samples.

    Each sample is given as its hits and trials; the second proportion is subtracted.

    Newcombe's hybrid score interval, method 10 of Newcombe 1998,
    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I.
    """
    fraction, other = first[0] / first[1], second[0] / second[1]
    interval, other_interval = wilson_interval(*first), wilson_interval(*second)
    down = math.hypot(fraction - interval.low, other_interval.high - other)
    up = math.hypot(interval.high - fraction, other - other_interval.low)
    return Interval(fraction - other - down, fraction - other + up)
