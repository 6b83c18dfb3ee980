"""What several trainings that differ only by their seed say together."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.proportions import Interval
from clearsight.evaluation.intervals.quantiles import t_quantile


@dataclass(frozen=True)
class SeedSummary:
    """One number over several seeds.

    Attributes:
        values: one a seed, in their order.
        least: what the number cannot fall below.
        most: what it cannot exceed.
    """

    values: tuple[float, ...]
    least: float = -math.inf
    most: float = math.inf

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def standard_deviation(self) -> float | None:
        """Of one value, with n - 1 below; None of a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def spread(self) -> float:
        """The largest less the smallest."""
        return max(self.values) - min(self.values)

    @property
    def interval(self) -> Interval | None:
        """Student's 95% interval of the mean; None of a single value.

        It tells how far the mean would move with other seeds, on the same images.
        """
        deviation = self.standard_deviation
        if deviation is None:
            return None
        num_values = len(self.values)
        half_width = t_quantile(num_values - 1) * deviation / math.sqrt(num_values)
        low, high = self.mean - half_width, self.mean + half_width
        return Interval(max(low, self.least), min(high, self.most))


@dataclass(frozen=True)
class SeedDifference:
    """A difference between two networks, over paired seeds and the same images.

    Attributes:
        value: the mean over seeds and images.
        interval: its 95% interval, over other seeds and other images.
        by_seed: the difference of each pair of trainings.
        num_images: how many images it rests on.
    """

    value: float
    interval: Interval
    by_seed: tuple[float, ...]
    num_images: int

    @property
    def is_told(self) -> bool:
        """Whether the interval leaves out 0."""
        return 0 not in self.interval


def difference_over_seeds(*contrasts: np.ndarray) -> SeedDifference:
    """Return the mean of each contrast, added up, with an interval over seeds and images.

    Seeds and images are crossed: each training names every image. The variance of the mean is
    that over seeds plus that over images less what both count, the residual's, as in a two-way
    analysis of variance with random effects; the degrees of freedom are Satterthwaite's (1946,
    https://doi.org/10.2307/3002019). With few seeds it is they that make the interval wide.

    Args:
        *contrasts: numbers (S, N), what the first network got on each image less what the second
            got: -1, 0 or 1. All have the same S >= 2 seeds; each has images of its own.

    Raises:
        ValueError: when there are fewer than two seeds or images.

    Example:
        >>> import numpy as np
        >>> difference_over_seeds(np.array([[1, 0, 0, 0], [1, 0, 1, 0]])).by_seed
        (0.25, 0.5)
    """
    tables = [np.asarray(table, dtype=np.float64) for table in contrasts]
    if any(min(table.shape) < 2 for table in tables):
        raise ValueError("There should be at least two seeds and two images.")
    by_seed = np.sum([table.mean(axis=1) for table in tables], axis=0)
    num_seeds = len(by_seed)
    # Each row: a part of the variance of the mean, and its degrees of freedom.
    parts = [(by_seed.var(ddof=1) / num_seeds, num_seeds - 1)]
    residual = 0.0
    for table in tables:
        num_images = table.shape[1]
        of_image = table.mean(axis=0)
        parts.append((of_image.var(ddof=1) / num_images, num_images - 1))
        left = table - table.mean(axis=1, keepdims=True) - of_image + table.mean()
        freedom = (num_seeds - 1) * (num_images - 1)
        residual += (left**2).sum() / freedom / (num_seeds * num_images)
    over_images = sum(variance for variance, _ in parts[1:])
    variance = max(parts[0][0] + over_images - residual, parts[0][0], over_images)
    value = float(by_seed.mean())
    below = sum(part**2 / freedom for part, freedom in parts)
    # A sum has at least the degrees of freedom of its poorest part; subtracting the residual may
    # not make it poorer.
    freedom = max(variance**2 / below if below > 0 else 0.0, num_seeds - 1)
    half_width = t_quantile(freedom) * math.sqrt(variance)
    return SeedDifference(
        value,
        Interval(max(value - half_width, -1.0 * len(tables)), min(value + half_width, len(tables))),
        tuple(by_seed.tolist()),
        sum(table.shape[1] for table in tables),
    )
