"""What a training curve does not show by itself."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CurveContext:
    """The data and the training that a curve comes from.

    Attributes:
        num_train: the number of images behind each training accuracy.
        num_val: the number of images behind each validation accuracy.
        chance: the accuracy of always predicting the most common class; None if unknown.
        chance_loss: the cross-entropy, in nats, of always predicting the classes' frequencies;
            None if unknown.
        is_made_harder: whether dropout or augmentation makes training images harder than they are.
        is_annealed: whether the learning rate had fallen to (almost) 0 by the last epoch.
        num_leaked: how many validation images are known to be in the training set too.
    """

    num_train: int
    num_val: int
    chance: float | None = None
    chance_loss: float | None = None
    is_made_harder: bool = False
    is_annealed: bool = False
    num_leaked: int = 0


@dataclass(frozen=True, eq=False)
class ImageOutcomes:
    """Results on single training and validation images, after the last epoch and the best one.

    Training images are used as they are, without augmentation and dropout. That makes the two sets
    comparable, unlike the accuracies in a history: its training accuracy is a mean over an epoch
    in which the weights kept changing.

    Attributes:
        train_correct: bool (A,), whether each of some training images is classified correctly
            after the last epoch.
        val_correct: bool (B,), the same for validation images.
        val_losses: float (B,), the validation images' cross-entropies in nats.
        best_val_losses: float (B,), `val_losses` after the epoch with the best validation
            accuracy; the same array if that is the last one.
    """

    train_correct: np.ndarray
    val_correct: np.ndarray
    val_losses: np.ndarray
    best_val_losses: np.ndarray
