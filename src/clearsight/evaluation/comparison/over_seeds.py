"""Results of several trainings that differ only by their seed, and differences between them."""

import math
import statistics
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.interval import Interval, t_interval


@dataclass(frozen=True)
class SeedSummary:
    """A number over several seeds.

    Attributes:
        values: one per seed, in the order of the seeds.
        least: lower bound of the number.
        most: upper bound of the number.
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
        """Sample standard deviation, with n - 1 in the denominator; None for a single value."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def spread(self) -> float:
        """The largest value minus the smallest."""
        return max(self.values) - min(self.values)

    @property
    def interval(self) -> Interval | None:
        """Student's 95% interval of the mean; None for a single value.

        It covers the variation over seeds, on the same images.
        """
        deviation, num_values = self.standard_deviation, len(self.values)
        if deviation is None:
            return None
        interval = t_interval(self.mean, deviation / math.sqrt(num_values), num_values - 1)
        return interval.clip(self.least, self.most)


@dataclass(frozen=True)
class SeedDifference:
    """A difference between two networks, over paired seeds and the same images.

    Attributes:
        value: the mean over seeds and images.
        interval: its 95% interval, over other seeds and other images.
        by_seed: the difference for each pair of trainings.
        num_images: how many images it is computed on.
    """

    value: float
    interval: Interval
    by_seed: tuple[float, ...]
    num_images: int

    @property
    def is_significant(self) -> bool:
        """Whether the interval excludes 0."""
        return 0 not in self.interval


def difference_over_seeds(*contrasts: np.ndarray) -> SeedDifference:
    """Return the sum of the contrasts' means, with an interval over seeds and images.

    Seeds and images are crossed: every training classifies every image. The variance of the mean
    is the variance over seeds plus the one over images minus the residual, which both include, as
    in a two-way analysis of variance with random effects; the degrees of freedom are
    Satterthwaite's (1946, https://doi.org/10.2307/3002019). With few seeds, the seeds are what
    makes the interval wide.

    Args:
        *contrasts: numbers (S, N), the first network's score on each image minus the second's:
            -1, 0 or 1. All have the same S >= 2 seeds; each has its own images.

    Raises:
        ValueError: if there are fewer than two seeds or images.

    Example:
        >>> import numpy as np
        >>> difference_over_seeds(np.array([[1, 0, 0, 0], [1, 0, 1, 0]])).by_seed
        (0.25, 0.5)
    """
    tables = [np.asarray(table, dtype=np.float64) for table in contrasts]
    if any(min(table.shape) < 2 for table in tables):
        shapes = " and ".join(str(table.shape) for table in tables)
        raise ValueError(f"Expected at least two seeds and two images, but got shape {shapes}.")
    by_seed = np.sum([table.mean(axis=1) for table in tables], axis=0)
    num_seeds = len(by_seed)
    # Each row: a component of the variance of the mean, and its degrees of freedom.
    components = [(by_seed.var(ddof=1) / num_seeds, num_seeds - 1)]
    residual = 0.0
    for table in tables:
        num_images = table.shape[1]
        by_image = table.mean(axis=0)
        components.append((by_image.var(ddof=1) / num_images, num_images - 1))
        rest = table - table.mean(axis=1, keepdims=True) - by_image + table.mean()
        freedom = (num_seeds - 1) * (num_images - 1)
        residual += (rest**2).sum() / freedom / (num_seeds * num_images)
    over_images = sum(variance for variance, _ in components[1:])
    variance = max(components[0][0] + over_images - residual, components[0][0], over_images)
    value = float(by_seed.mean())
    denominator = sum(component**2 / freedom for component, freedom in components)
    # A sum has at least as many degrees of freedom as the component with the fewest; subtracting
    # the residual may not lower them further.
    freedom = max(variance**2 / denominator if denominator > 0 else 0.0, num_seeds - 1)
    return SeedDifference(
        value,
        t_interval(value, math.sqrt(variance), freedom).clip(-len(tables), len(tables)),
        tuple(by_seed.tolist()),
        sum(table.shape[1] for table in tables),
    )
