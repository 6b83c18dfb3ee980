"""`Score`: accuracy and loss of predictions, as Keras's `evaluate` reports them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.interval import Interval
from clearsight.evaluation.intervals.proportions import wilson_interval

# Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm (keras.config.epsilon()).
SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Score:
    """Accuracy and loss on some images.

    Attributes:
        num_images: how many images.
        num_correct: how many of them were classified correctly.
        loss: mean cross-entropy in nats; None if it is not a finite number.
    """

    num_images: int
    num_correct: int
    loss: float | None

    @property
    def accuracy(self) -> float:
        """Fraction classified correctly."""
        return self.num_correct / self.num_images

    @property
    def interval(self) -> Interval:
        """Wilson's 95% interval of the accuracy."""
        return wilson_interval(self.num_correct, self.num_images)


def compute_score(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Compute accuracy and loss.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    loss = float(log_losses(probabilities, labels).mean())
    return Score(
        num_images=len(labels),
        num_correct=int(np.count_nonzero(probabilities.argmax(axis=1) == labels)),
        loss=loss if math.isfinite(loss) else None,
    )


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each image's cross-entropy, clipped like Keras's: float64 (N,), in nats.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(of_label, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
