"""Whether a network is right as often as it is sure: the reliability diagram and the ECE."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearsight.evaluation.intervals.bootstrap import resampled_sums
from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.proportions import Interval, wilson_interval

NUM_BINS = 15  # as Guo et al. 2017 have
_NUM_CALIBRATED = 200  # simulated measurements of a network that is calibrated


@dataclass(frozen=True)
class ReliabilityBin:
    """The images of which the network is about equally sure: one bar of the diagram.

    Attributes:
        low, high: confidences above `low` and up to `high`.
        num_images: how many images.
        mean_confidence: of these; None without images, likewise below.
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
        ece: the expected calibration error, 0..1: the mean over images of how far accuracy and
            mean confidence of their bin are apart.
        ece_if_calibrated: what a network with these confidences that is right exactly as often as
            it is sure would be measured with on so many images, on average. It is not 0, because
            each bin's accuracy is one of few images; an ECE no larger says nothing against it.
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
    value = _error(confidence, is_right, bins)
    calibrated = _calibrated_errors(confidence, bins, seed)
    interval = _interval_of_error(
        value, _drawn_errors(confidence, is_right, bins, seed), calibrated
    )
    return Calibration(
        ece=Estimate(value, interval, "bootstrap", len(bins)),
        ece_if_calibrated=float(calibrated.mean()),
        bins=tuple(rows),
    )


def _interval_of_error(value: float, drawn: np.ndarray, calibrated: np.ndarray) -> Interval:
    """Return the interval of a measured ECE.

    Chance moves each bin away from its diagonal, so that a measured ECE is too high, and that of a
    draw of its images is higher still. The lower end is therefore that of the basic bootstrap
    (Davison and Hinkley 1997, equation 5.6), which takes out both, and 0 where a calibrated network
    would be measured with as much; the upper end is the draws' own, moved down by what they are
    too high on average. In simulations it holds the true ECE in 94 to 98% of measurements (1,000
    and 3,000 images, true ECE from 0 to 0.08), plain percentiles in 0 to 90%.

    Args:
        value: the measured ECE.
        drawn: float (NUM_RESAMPLES,), of the bootstrap's draws.
        calibrated: float (_NUM_CALIBRATED,), of a calibrated network.
    """
    high = np.quantile(drawn, 0.975)
    is_apart = value > np.quantile(calibrated, 0.975)
    return Interval(
        float(max(2 * value - high, 0.0)) if is_apart else 0.0,
        float(max(high - (drawn.mean() - value), value)),
    )


def _drawn_errors(
    confidence: np.ndarray, is_right: np.ndarray, bins: np.ndarray, seed: int
) -> np.ndarray:
    """Return the ECE of each of the bootstrap's draws: float64 (NUM_RESAMPLES,)."""
    occupied, columns = np.unique(bins, return_inverse=True)
    apart = np.zeros((len(bins), len(occupied)))
    apart[np.arange(len(bins)), columns] = confidence - is_right
    return np.abs(resampled_sums(apart, seed)).sum(axis=1) / len(bins)


def _calibrated_errors(confidence: np.ndarray, bins: np.ndarray, seed: int) -> np.ndarray:
    """Return the ECE where each image is named rightly with its own confidence, many times.

    Returns:
        float64 (_NUM_CALIBRATED,).
    """
    generator = np.random.default_rng(seed)
    return np.array(
        [
            _error(confidence, generator.random(len(bins)) < confidence, bins)
            for _ in range(_NUM_CALIBRATED)
        ]
    )


def _error(confidence: np.ndarray, is_right: np.ndarray, bins: np.ndarray) -> float:
    apart = np.bincount(bins, weights=confidence - is_right, minlength=NUM_BINS)
    return float(np.abs(apart).sum() / len(bins))
