"""What guessing achieves: the accuracy that any network has to be compared with."""

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
