"""How well predictions match the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals import Interval, wilson_interval
from clearsight.evaluation.outcomes import losses_of


@dataclass(frozen=True)
class Score:
    """How a network did on some pictures.

    Attributes:
        num_images: how many pictures.
        num_correct: how many of them were named rightly.
        loss: mean cross-entropy in nats; None when the probabilities are no numbers.
    """

    num_images: int
    num_correct: int
    loss: float | None

    @property
    def accuracy(self) -> float:
        """Share named rightly."""
        return self.num_correct / self.num_images

    @property
    def interval(self) -> Interval:
        """Wilson's 95% interval of the accuracy."""
        return wilson_interval(self.num_correct, self.num_images)


def score_of(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Measure predictions against the truth.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    loss = float(losses_of(probabilities, labels).mean())
    return Score(
        num_images=len(labels),
        num_correct=int(np.count_nonzero(probabilities.argmax(axis=1) == labels)),
        loss=loss if math.isfinite(loss) else None,
    )
