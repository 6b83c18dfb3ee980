"""The bootstrap: how much a score would vary with another sample of images.

Efron 1979, https://doi.org/10.1214/aos/1176344552. Each resample draws as many images as there
are, with replacement; the percentile interval holds the middle 95% of the resamples' scores.
"""

import numpy as np

from clearsight.evaluation.intervals.interval import Interval

NUM_RESAMPLES = 1_000  # the interval's ends then vary by about 3% of its width between seeds
_BLOCK_DRAWS = 1_000_000  # drawn at once: about 20 MB


def resampled_sums(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Sum each column over the images of each resample.

    Args:
        values: float (N, M), each image's contribution to M sums.
        seed: random seed of the resamples.

    Returns:
        float64 (NUM_RESAMPLES, M).
    """
    generator = np.random.default_rng(seed)
    count = len(values)
    columns = np.ascontiguousarray(values, dtype=np.float64)
    rows = max(_BLOCK_DRAWS // count, 1)
    sums = np.empty((NUM_RESAMPLES, columns.shape[1]))
    for start in range(0, NUM_RESAMPLES, rows):
        num = min(rows, NUM_RESAMPLES - start)
        drawn = generator.integers(0, count, size=(num, count))
        drawn += count * np.arange(num)[:, None]
        times = np.bincount(drawn.ravel(), minlength=num * count).reshape(num, count)
        sums[start : start + num] = times.astype(np.float64) @ columns
    return sums


def resampled_counts(counts: np.ndarray, seed: int = 0) -> np.ndarray:
    """Count the images of each group in each resample; images of a group are interchangeable.

    Args:
        counts: int (M,), the number of images in each group.
        seed: random seed of the resamples.

    Returns:
        int64 (NUM_RESAMPLES, M).
    """
    total = int(counts.sum())
    generator = np.random.default_rng(seed)
    return generator.multinomial(total, counts / total, size=NUM_RESAMPLES)


def percentile_interval(scores: np.ndarray) -> Interval:
    """Return the middle 95% of the resamples' scores, float (NUM_RESAMPLES,)."""
    low, high = np.quantile(scores, (0.025, 0.975))
    return Interval(float(low), float(high))
