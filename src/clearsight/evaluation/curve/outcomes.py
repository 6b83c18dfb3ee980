"""`Outcomes`: what the weights at the end of a training do with single images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Outcomes:
    """How training and validation images fare after the last epoch, and after the best one.

    Training images are taken as they are, without augmentation and dropout. So the two can be
    compared, which the accuracies of a training's history cannot quite: one of them is a mean over
    an epoch in which the weights were moving.

    Attributes:
        train_correct: bool (A,), whether each of some training images is named rightly after the
            last epoch.
        val_correct: bool (B,), likewise for validation images.
        val_losses: float (B,), their cross-entropies in nats.
        best_val_correct: bool (B,), the same validation images after the epoch with the best
            validation accuracy; the same array where that is the last one.
        best_val_losses: float (B,), likewise.
    """

    train_correct: np.ndarray
    val_correct: np.ndarray
    val_losses: np.ndarray
    best_val_correct: np.ndarray
    best_val_losses: np.ndarray
