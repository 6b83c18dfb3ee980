"""Whether a network is right as often as it is sure: the reliability diagram and the ECE."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearsight.evaluation.bootstrap import resampled_sums
from clearsight.evaluation.estimate import Estimate
from clearsight.evaluation.intervals import Interval, wilson_interval

NUM_BINS = 15  # as Guo et al. 2017 have
_NUM_CALIBRATED = 200  # simulated measurements of a network that is calibrated


@dataclass(frozen=True)
class ReliabilityBin:
    """The pictures of which the network is about equally sure: one bar of the diagram.

    Attributes:
        low, high: confidences above `low` and up to `high`.
        num_images: how many pictures.
        mean_confidence: of these; None without pictures, likewise below.
        accuracy: share of these named rightly.
        interval: Wilson's 95% interval of the accuracy.
    """

    low: float
    high: float
    num_images: int
    mean_confidence: float | None
    accuracy: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Calibration:
    """How well confidence tells accuracy.

    Attributes:
        ece: the expected calibration error, 0..1: the mean over pictures of how far accuracy and
            mean confidence of their bin are apart.
        ece_if_calibrated: what a network with these confidences that is right exactly as often as
            it is sure would be measured with on so many pictures, on average. It is not 0, because
            each bin's accuracy is one of few pictures; an ECE no larger says nothing against it.
        bins: from the least to the most confident.
    """

    ece: Estimate
    ece_if_calibrated: float
    bins: tuple[ReliabilityBin, ...]


def calibration_of(probabilities: np.ndarray, labels: np.ndarray, seed: int = 0) -> Calibration:
    """Measure calibration of the most probable class in equal-width bins.

    Source: Guo, Pleiss, Sun and Weinberger 2017, https://arxiv.org/abs/1706.04599, equation 3.

    Args:
        probabilities: float (N, K), rows sum to 1, N at least 1.
        labels: integers (N,), 0..K-1.
        seed: of the bootstrap.

    Example:
        >>> sure = np.array([[0.9, 0.1]] * 10)
        >>> found = calibration_of(sure, np.array([0] * 9 + [1]))
        >>> round(found.ece.value, 6)
        0.0
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, NUM_BINS + 1)
    bins = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, NUM_BINS - 1)
    rows = []
    for number, (low, high) in enumerate(pairwise(edges.tolist())):
        chosen = bins == number
        count, right = int(chosen.sum()), int(is_right[chosen].sum())
        rows.append(
            ReliabilityBin(
                low=low,
                high=high,
                num_images=count,
                mean_confidence=float(confidence[chosen].mean()) if count else None,
                accuracy=right / count if count else None,
                interval=wilson_interval(right, count) if count else None,
            )
        )
    return Calibration(
        ece=_expected_error(confidence, is_right, bins, seed),
        ece_if_calibrated=_error_if_calibrated(confidence, bins, seed),
        bins=tuple(rows),
    )


def _expected_error(
    confidence: np.ndarray, is_right: np.ndarray, bins: np.ndarray, seed: int
) -> Estimate:
    """Return the ECE with its interval.

    A draw of pictures has an ECE that is too high by about as much as the measured one is, because
    chance moves each bin away from its diagonal; so the draws are turned round the measured value
    (the basic bootstrap, Davison and Hinkley 1997, equation 5.6), which takes that out.
    """
    count = len(confidence)
    apart = np.zeros((count, NUM_BINS))
    apart[np.arange(count), bins] = confidence - is_right
    value = float(np.abs(apart.sum(axis=0)).sum() / count)
    drawn = np.abs(resampled_sums(apart, seed)).sum(axis=1) / count
    high, low = np.quantile(drawn, (0.025, 0.975))
    interval = Interval(max(2 * value - float(low), 0.0), max(2 * value - float(high), 0.0))
    return Estimate(value, interval, "bootstrap", count)


def _error_if_calibrated(confidence: np.ndarray, bins: np.ndarray, seed: int) -> float:
    """Simulate which pictures are named rightly when each is with its own confidence."""
    generator = np.random.default_rng(seed)
    errors = []
    for _ in range(_NUM_CALIBRATED):
        is_right = generator.random(len(confidence)) < confidence
        apart = np.bincount(bins, weights=confidence - is_right, minlength=NUM_BINS)
        errors.append(np.abs(apart).sum() / len(confidence))
    return float(np.mean(errors))
