"""What a training curve does not show by itself."""

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.scores.guessing import guessing_loss


@dataclass(frozen=True)
class CurveContext:
    """The data and the training that a curve comes from.

    Attributes:
        num_train: the number of images behind each training accuracy.
        num_val: the number of images behind each validation accuracy.
        steps_per_epoch: batches per epoch.
        class_fractions: of the training labels, one for each class; empty if unknown.
        val_chance: the accuracy on the validation images of always predicting the class that is
            most common among them; None if unknown.
        label_smoothing: the fraction of each target that is spread over all classes.
        has_penalty: whether the loss includes a penalty on weights or activations.
        is_made_harder: whether dropout or augmentation makes training images harder to classify.
        num_leaked: how many validation images are known to be in the training set too.
    """

    num_train: int
    num_val: int
    steps_per_epoch: int
    class_fractions: tuple[float, ...] = ()
    val_chance: float | None = None
    label_smoothing: float = 0.0
    has_penalty: bool = False
    is_made_harder: bool = False
    num_leaked: int = 0

    @property
    def chance(self) -> float | None:
        """Training accuracy of always predicting the most common class; None if unknown."""
        return max(self.class_fractions, default=None)

    @property
    def chance_loss(self) -> float | None:
        """Training loss, in nats, of always predicting the frequencies of the classes.

        It is the entropy of the targets, smoothing included. None if the frequencies or a penalty
        in the loss are unknown.
        """
        if not self.class_fractions or self.has_penalty:
            return None
        return guessing_loss(np.array(self.class_fractions), self.label_smoothing)

    @property
    def untrained_loss(self) -> float | None:
        """Training loss, in nats, of giving all classes the same probability; None if unknown."""
        return None if self.chance_loss is None else math.log(len(self.class_fractions))

    @property
    def min_loss(self) -> float:
        """The lowest loss that is possible, in nats: above 0 if labels are smoothed."""
        num_classes = len(self.class_fractions)
        if not num_classes:
            return 0.0
        return guessing_loss(np.eye(num_classes)[0], self.label_smoothing)


@dataclass(frozen=True, eq=False)
class ImageOutcomes:
    """Results on single training and validation images, after the last epoch and the best one.

    Training images are used as they are, without augmentation and dropout. That makes their
    accuracy comparable with a history's validation accuracy, unlike its training accuracy, which
    is a mean over an epoch in which the weights kept changing.

    Attributes:
        train_correct: bool (A,), whether each of some training images is classified correctly
            after the last epoch.
        val_losses: float (B,), the validation images' cross-entropies in nats.
        best_val_losses: float (B,), `val_losses` after the epoch with the best validation
            accuracy; the same array if that is the last one.
    """

    train_correct: np.ndarray
    val_losses: np.ndarray
    best_val_losses: np.ndarray
