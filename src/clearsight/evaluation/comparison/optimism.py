"""How much choosing the best of several networks on the same images flatters its score."""

from __future__ import annotations

import math

import numpy as np


def expected_maximum(count: int) -> float:
    """Return the mean of the largest of `count` independent standard normal numbers.

    It is the integral of 1 - F^m above 0 less that of F^m below, where F is their distribution.

    Example:
        >>> [round(expected_maximum(count), 3) for count in (1, 2, 10)]
        [0.0, 0.564, 1.539]
    """
    # Beyond 9 the integrand is below 1e-12 for up to a million numbers.
    points = np.linspace(0.0, 9.0, 4_001)
    above = np.array([0.5 * math.erfc(-point / math.sqrt(2)) for point in points.tolist()])
    integrand = (1 - above**count) - (1 - above) ** count
    return float(np.trapezoid(integrand, points))


def optimism_of_best(
    accuracies: np.ndarray, num_images: int, correct: np.ndarray | None = None
) -> float:
    """Return by how much the best of some accuracies is too high, at most about, as a share.

    Each measured accuracy is the true one and an error. The chosen network's error is never more
    than the largest of all errors, and reaches it on average when the networks differ by no more
    than noise. All are measured on the same images, so what the errors have in common chooses
    nobody: only differences between networks count. Two networks of equal accuracy that disagree on
    a share d of the images differ with variance d / n (McNemar 1947,
    https://doi.org/10.1007/BF02295996), as if each had an error of its own with variance d / 2n.
    The mean of the largest of m such errors is `expected_maximum(m)` times sqrt(d / 2n).

    Where d is not known it is taken as of networks that err independently, 2 p (1 - p). Networks on
    the same images rather err together, and by the Sudakov-Fernique inequality (Vitale 2000,
    https://doi.org/10.1090/S0002-9939-00-05367-3) smaller differences make a smaller maximum.

    Args:
        accuracies: float (M,), 0..1, measured on the same images.
        num_images: n.
        correct: bool (M, n), which network named which image rightly, where that is known.

    Example:
        >>> round(optimism_of_best(np.array([0.88, 0.885]), 3000), 4)
        0.0033
        >>> optimism_of_best(np.array([0.88]), 3000)
        0.0
    """
    count = len(accuracies)
    if count < 2:
        return 0.0
    share = float(np.mean(accuracies))
    disagreement = 2 * share * (1 - share)
    if correct is not None:
        # Of an image that r of m networks name rightly, r (m - r) of m (m - 1) / 2 pairs disagree.
        right = correct.sum(axis=0)
        observed = float((right * (count - right)).mean() / (count * (count - 1) / 2))
        disagreement = min(disagreement, observed)
    return expected_maximum(count) * math.sqrt(disagreement / (2 * num_images))
