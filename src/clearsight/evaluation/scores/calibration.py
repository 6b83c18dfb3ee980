"""Calibration: whether confidence matches accuracy. The reliability diagram and the ECE."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clearsight.evaluation.intervals.bootstrap import resampled_sums
from clearsight.evaluation.intervals.estimate import Estimate, estimate_fraction
from clearsight.evaluation.intervals.interval import Interval

NUM_BINS = 15  # as in Guo et al. 2017
_NUM_SIMULATIONS = 200  # of a calibrated network


@dataclass(frozen=True)
class ReliabilityBin:
    """Images with about the same confidence: one point of the reliability diagram.

    Attributes:
        low: confidences are above this,
        high: and up to this.
        num_images: how many images.
        mean_confidence: their mean confidence; None without images.
        accuracy: fraction classified correctly; None without images.
        interval: Wilson's 95% interval of the accuracy; None without images.
    """

    low: float
    high: float
    num_images: int
    mean_confidence: float | None
    accuracy: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Calibration:
    """How well confidence predicts accuracy.

    Attributes:
        ece: the expected calibration error, 0..1: the mean over images of the distance between
            accuracy and mean confidence in their bin.
        ece_if_calibrated: the mean ECE of a perfectly calibrated network with the same confidences
            on as many images. It is not 0, because each bin's accuracy comes from few images; an
            ECE no larger than this is no sign of miscalibration.
        bins: from the least to the most confident.
    """

    ece: Estimate
    ece_if_calibrated: float
    bins: tuple[ReliabilityBin, ...]


def compute_calibration(
    probabilities: np.ndarray, labels: np.ndarray, seed: int = 0
) -> Calibration:
    """Compute the calibration of the most probable class in bins of equal width.

    Source: Guo, Pleiss, Sun and Weinberger 2017, https://arxiv.org/abs/1706.04599, equation 3.

    Args:
        probabilities: float (N, K), rows sum to 1, N at least 1.
        labels: integers (N,), 0..K-1.
        seed: random seed of the bootstrap.

    Example:
        >>> probabilities = np.array([[0.9, 0.1]] * 10)
        >>> calibration = compute_calibration(probabilities, np.array([0] * 9 + [1]))
        >>> round(calibration.ece.value, 6)
        0.0
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, NUM_BINS + 1)
    bins = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, NUM_BINS - 1)
    rows = []
    for number, (low, high) in enumerate(pairwise(edges.tolist())):
        chosen = bins == number
        count = int(chosen.sum())
        accuracy = estimate_fraction(int(is_correct[chosen].sum()), count)
        mean_confidence = float(confidence[chosen].mean()) if count else None
        rows.append(
            ReliabilityBin(low, high, count, mean_confidence, accuracy.value, accuracy.interval)
        )
    ece = _ece(confidence, is_correct, bins)
    calibrated = _calibrated_eces(confidence, bins, seed)
    resampled = _resampled_eces(confidence, is_correct, bins, seed)
    return Calibration(
        ece=Estimate(ece, _ece_interval(ece, resampled, calibrated), "bootstrap", len(bins)),
        ece_if_calibrated=float(calibrated.mean()),
        bins=tuple(rows),
    )


def _ece_interval(ece: float, resampled: np.ndarray, calibrated: np.ndarray) -> Interval:
    """Return the interval of a measured ECE.

    Chance moves each bin away from its mean confidence, so a measured ECE is too high, and that of
    a resample is higher still. The lower end is therefore that of the basic bootstrap (Davison and
    Hinkley 1997, equation 5.6), which removes both, or 0 if a calibrated network would often
    measure as much; the upper end is the resamples' own, minus their mean bias. In simulations it
    contains the true ECE in 94 to 98% of measurements (1,000 and 3,000 images, true ECE from 0 to
    0.08), plain percentiles in 0 to 90%.

    Args:
        ece: the measured ECE.
        resampled: float (NUM_RESAMPLES,), ECEs of the bootstrap's resamples.
        calibrated: float (_NUM_SIMULATIONS,), ECEs of a calibrated network.
    """
    high = np.quantile(resampled, 0.975)
    is_miscalibrated = ece > np.quantile(calibrated, 0.975)
    return Interval(
        float(max(2 * ece - high, 0.0)) if is_miscalibrated else 0.0,
        float(max(high - (resampled.mean() - ece), ece)),
    )


def _resampled_eces(
    confidence: np.ndarray, is_correct: np.ndarray, bins: np.ndarray, seed: int
) -> np.ndarray:
    """Return the ECE of each of the bootstrap's resamples: float64 (NUM_RESAMPLES,)."""
    occupied, columns = np.unique(bins, return_inverse=True)
    differences = np.zeros((len(bins), len(occupied)))
    differences[np.arange(len(bins)), columns] = confidence - is_correct
    return np.abs(resampled_sums(differences, seed)).sum(axis=1) / len(bins)


def _calibrated_eces(confidence: np.ndarray, bins: np.ndarray, seed: int) -> np.ndarray:
    """Return the ECEs of simulated networks that are right as often as they are confident.

    float64 (_NUM_SIMULATIONS,).
    """
    generator = np.random.default_rng(seed)
    draws = (generator.random(len(bins)) for _ in range(_NUM_SIMULATIONS))
    return np.array([_ece(confidence, draw < confidence, bins) for draw in draws])


def _ece(confidence: np.ndarray, is_correct: np.ndarray, bins: np.ndarray) -> float:
    differences = np.bincount(bins, weights=confidence - is_correct, minlength=NUM_BINS)
    return float(np.abs(differences).sum() / len(bins))
