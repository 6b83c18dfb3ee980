"""The bootstrap: how much a score would differ if other images had been drawn.

Efron 1979, https://doi.org/10.1214/aos/1176344552. Images are drawn anew with replacement, as
many as there are; the percentile interval holds the middle 95% of the scores of such draws.
"""

from __future__ import annotations

import numpy as np

from clearsight.evaluation.intervals.proportions import Interval

NUM_RESAMPLES = 1_000  # the interval's ends then vary by about 3% of its width between seeds
_BLOCK_DRAWS = 1_000_000  # drawn at once: some 20 MB


def resampled_sums(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Sum each column over the images of every draw.

    Args:
        values: float (N, M), what each image adds to M sums.
        seed: of the draws.

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
    """Count how many images of each kind every draw has, where images of a kind are alike.

    Args:
        counts: int (M,), how many images there are of each kind.
        seed: of the draws.

    Returns:
        int64 (NUM_RESAMPLES, M).
    """
    total = int(counts.sum())
    generator = np.random.default_rng(seed)
    return generator.multinomial(total, counts / total, size=NUM_RESAMPLES)


def percentile_interval(scores: np.ndarray) -> Interval:
    """Return what holds the middle 95% of the scores of all draws.

    Args:
        scores: float (NUM_RESAMPLES,).
    """
    low, high = np.quantile(scores, (0.025, 0.975))
    return Interval(float(low), float(high))
