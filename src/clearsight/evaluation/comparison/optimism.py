"""Selection bias: how much too high the best of several networks scores on the same images."""

import math

import numpy as np


def expected_maximum(count: int) -> float:
    """Return the mean of the largest of `count` independent standard normal numbers.

    The integral of 1 - F(x)^m - F(-x)^m over x > 0, where F is their distribution function.

    Example:
        >>> [round(expected_maximum(count), 3) for count in (1, 2, 10)]
        [0.0, 0.564, 1.539]
    """
    from scipy.special import ndtr

    # Beyond 9, the integrand is below 1e-12 for up to a million numbers.
    points = np.linspace(0.0, 9.0, 4_001)
    area = np.trapezoid(1 - ndtr(points) ** count - ndtr(-points) ** count, points)
    return max(0.0, float(area))  # rounding may leave it just below


def optimism_of_best(
    accuracies: np.ndarray, num_images: int, correct: np.ndarray | None = None
) -> float:
    """Return an approximate upper bound on how much the best accuracy is overstated, as a fraction.

    Each measured accuracy is the true one plus an error. The error of the network with the best
    score never exceeds the largest of all errors, and reaches it on average when the networks
    differ only by noise. All networks are measured on the same images, so the part of the error
    that they share does not affect which one is best: only differences between networks count.
    Two networks of equal accuracy that disagree on a fraction d of the images differ with variance
    d / n (McNemar 1947, https://doi.org/10.1007/BF02295996), as if each had an independent error
    with variance d / 2n. The mean of the largest of m such errors is `expected_maximum(m)` times
    sqrt(d / 2n).

    If d is not known, it is 2 p (1 - p), as for networks that err independently. Networks tend to
    err on the same images, and by the Sudakov-Fernique inequality (Vitale 2000,
    https://doi.org/10.1090/S0002-9939-00-05367-3) smaller differences make a smaller maximum.

    Args:
        accuracies: float (M,), 0..1, measured on the same images.
        num_images: n.
        correct: bool (M, n), whether each network classified each image correctly, if known.

    Example:
        >>> round(optimism_of_best(np.array([0.88, 0.885]), 3000), 4)
        0.0033
        >>> optimism_of_best(np.array([0.88]), 3000)
        0.0
    """
    count = len(accuracies)
    if count < 2:
        return 0.0
    mean = float(np.mean(accuracies))
    disagreement = 2 * mean * (1 - mean)
    if correct is not None:
        # For an image that r of m networks get right, r (m - r) of m (m - 1) / 2 pairs disagree.
        num_correct = correct.sum(axis=0)
        observed = (num_correct * (count - num_correct)).mean() / (count * (count - 1) / 2)
        disagreement = min(disagreement, float(observed))
    return expected_maximum(count) * math.sqrt(disagreement / (2 * num_images))
