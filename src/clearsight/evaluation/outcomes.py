"""`Outcomes`: what the weights at the end of a training do with single pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm (keras.config.epsilon()).
SMALLEST_PROBABILITY = 1e-7


@dataclass(frozen=True, eq=False)
class Outcomes:
    """How training and validation pictures fare after the last epoch, and after the best one.

    Training pictures are taken as they are, without augmentation and dropout. So the two can be
    compared, which the accuracies of a training's history cannot quite: one of them is a mean over
    an epoch in which the weights were moving.

    Attributes:
        train_correct: bool (A,), whether each of some training pictures is named rightly after the
            last epoch.
        val_correct: bool (B,), likewise for validation pictures.
        val_losses: float (B,), their cross-entropies in nats.
        best_val_correct: bool (B,), the same validation pictures after the epoch with the best
            validation accuracy; the same array where that is the last one.
        best_val_losses: float (B,), likewise.
    """

    train_correct: np.ndarray
    val_correct: np.ndarray
    val_losses: np.ndarray
    best_val_correct: np.ndarray
    best_val_losses: np.ndarray


def losses_of(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each picture's cross-entropy in nats: float64 (N,).

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(of_truth, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
