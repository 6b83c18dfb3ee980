"""What guessing achieves: the accuracy and loss that any network has to be compared with."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from clearsight.display.html import Html, scores
from clearsight.evaluation.intervals.estimate import Estimate


@dataclass(frozen=True)
class PartAccuracy:
    """A network's accuracy on one set of images.

    Attributes:
        part: "test", "validation" or "training".
        accuracy: with its interval.
        guessing: the accuracy of always predicting the most common class of these images; None if
            unknown.
    """

    part: str
    accuracy: Estimate
    guessing: float | None

    @property
    def about(self) -> tuple[str, ...]:
        """The interval with the number of images, and what guessing achieves if that is known."""
        guessing = () if self.guessing is None else (f"{self.guessing:.3f} by guessing",)
        return (self.accuracy.about, *guessing)


def accuracy_scores(accuracies: Iterable[PartAccuracy]) -> Html:
    """Return accuracies side by side, for a notebook."""
    return scores(
        (f"{each.part} accuracy", each.accuracy.value or 0.0, each.about) for each in accuracies
    )


def guessing_accuracy(labels: np.ndarray) -> float:
    """Return the accuracy of always predicting the class that is most common among the labels.

    Args:
        labels: integers (N,), at least one, 0..K-1.

    Example:
        >>> guessing_accuracy(np.array([0, 1, 1, 2]))
        0.5
    """
    return float(np.bincount(labels).max() / len(labels))


def guessing_loss(class_fractions: np.ndarray, label_smoothing: float) -> float:
    """Return the loss of always predicting the frequencies of the classes, in nats.

    It is the entropy of the targets.

    Args:
        class_fractions: of the labels, float (K,), summing to 1.
        label_smoothing: the fraction of each target that is spread over all classes.

    Example:
        >>> round(guessing_loss(np.array([0.5, 0.5]), 0.0), 3)
        0.693
    """
    targets = (1 - label_smoothing) * class_fractions + label_smoothing / len(class_fractions)
    targets = targets[targets > 0]
    return float(-(targets * np.log(targets)).sum())


def by_guessing(accuracy: float) -> str:
    """Return the text to show next to an accuracy, such as "0.100 by guessing"."""
    return f"{accuracy:.3f} by guessing"
