"""Log loss and Brier score: of single images, and their means with intervals."""

import math

import numpy as np

from clearsight.evaluation.intervals.bootstrap import NUM_PSEUDO_CORRECT, NUM_PSEUDO_WRONG
from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.interval import Interval, t_interval

# Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm (keras.config.epsilon()).
MIN_PROBABILITY = 1e-7


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each image's cross-entropy, clipped like Keras's: float64 (N,), in nats.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    return _of_labels(_log_losses_by_class(probabilities), labels)


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each image's Brier score, summed over classes: float64 (N,), 0..2.

    Source: Brier 1950, https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.

    Example:
        >>> brier_scores(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1])).tolist()
        [0.5, 2.0]
    """
    return _of_labels(_brier_scores_by_class(probabilities), labels)


def mean_log_loss(probabilities: np.ndarray, labels: np.ndarray) -> Estimate:
    """Return the mean log loss with its interval; see `_mean_loss`."""
    return _mean_loss(_log_losses_by_class(probabilities), probabilities, labels)


def mean_brier_score(probabilities: np.ndarray, labels: np.ndarray) -> Estimate:
    """Return the mean Brier score with its interval; see `_mean_loss`."""
    return _mean_loss(_brier_scores_by_class(probabilities), probabilities, labels)


def _mean_loss(by_class: np.ndarray, probabilities: np.ndarray, labels: np.ndarray) -> Estimate:
    """Return the mean loss with Student's interval, after pseudo-images have been added.

    With few images the rare ones that cost most, confident mistakes, may not be in the sample, and
    no resampling of it would find them. So pseudo-images are added, as
    `clearsight.evaluation.intervals.bootstrap` explains. The correct ones have the losses that the
    images would have if all predictions were correct; the wrong ones those of the mistakes that the
    network itself expects: an image labelled as any class but the predicted one, weighted by the
    probability of that class. The standard deviation over resamples of a mean needs no resampling:
    it is that of the images, divided by the root of their number. Losses are skewed, so the upper
    end is moved up by the first term of the Edgeworth expansion, skewness / sqrt(n) (2 t^2 + 1) / 6
    standard errors (Hall 1992, The Bootstrap and Edgeworth Expansion, section 3.5); the lower end
    stays, because the pseudo-images have moved it up already.

    Args:
        by_class: float64 (N, K), what each image's loss is if a class is its label.
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    predicted = probabilities.argmax(axis=1)
    # No probability is 0: a network that is certain of everything can be wrong too.
    wrong_weights = np.maximum(probabilities, MIN_PROBABILITY, dtype=np.float64)
    wrong_weights[np.arange(len(labels)), predicted] = 0
    wrong_weights /= wrong_weights.sum()
    losses, if_correct = _of_labels(by_class, labels), _of_labels(by_class, predicted)
    total = len(labels) + NUM_PSEUDO_CORRECT + NUM_PSEUDO_WRONG

    def moment(power: int, center: float = 0.0) -> float:
        """Return the mean power of the losses' distance from a center, with pseudo-images."""
        return float(
            ((losses - center) ** power).sum()
            + NUM_PSEUDO_CORRECT * ((if_correct - center) ** power).mean()
            + NUM_PSEUDO_WRONG * (wrong_weights * (by_class - center) ** power).sum()
        ) / float(total)

    value, mean = float(losses.mean()), moment(1)
    variance = moment(2, mean)
    error = math.sqrt(variance / (total - 1))
    interval = t_interval(mean, error, total - 1)
    t = (interval.high - mean) / error if error else 0.0
    skewness = max(moment(3, mean) / variance**1.5, 0.0) if error else 0.0
    high = interval.high + skewness / math.sqrt(total) * (2 * t**2 + 1) / 6 * error
    bounded = Interval(interval.low, high).clip(0.0, float(by_class.max())).including(value)
    return Estimate(value, bounded, "bootstrap", len(labels))


def _log_losses_by_class(probabilities: np.ndarray) -> np.ndarray:
    """Return what each image's log loss is if a class is its label: float64 (N, K)."""
    values = probabilities.astype(np.float64)
    return -np.log(np.clip(values, MIN_PROBABILITY, 1 - MIN_PROBABILITY))


def _brier_scores_by_class(probabilities: np.ndarray) -> np.ndarray:
    """Return what each image's Brier score is if a class is its label: float64 (N, K)."""
    values = probabilities.astype(np.float64)
    return (values**2).sum(axis=1, keepdims=True) - 2 * values + 1


def _of_labels(by_class: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return by_class[np.arange(len(labels)), labels]
