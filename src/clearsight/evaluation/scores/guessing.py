"""What guessing achieves: the accuracy and loss that any network has to be compared with."""

import numpy as np


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
