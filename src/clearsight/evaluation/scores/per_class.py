"""Precision, recall and F1 of each class, and their macro averages."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from clearsight.evaluation.intervals.bootstrap import percentile_interval, resampled_counts
from clearsight.evaluation.intervals.estimate import Estimate, share_of
from clearsight.evaluation.intervals.proportions import Interval


@dataclass(frozen=True)
class ClassScore:
    """How one class did.

    Attributes:
        class_name: its name.
        num_images: how many images are of it.
        num_predicted: how many were called it.
        num_correct: how many are both.
        precision: share of those called it that are of it.
        recall: share of those of it that were called it.
        f1: harmonic mean of the two.
    """

    class_name: str
    num_images: int
    num_predicted: int
    num_correct: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True)
class MacroScores:
    """Means over the classes that occur, each class counting alike.

    A class occurs when an image is of it or was called it. As in scikit-learn, precision of a
    class never predicted, and recall of one without images, count as 0.

    Attributes:
        precision, recall, f1: the means of the classes' own.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count the images of each class that were called each class: int64 (K, K), truth by row.

    Args:
        labels: integers (N,), 0..K-1, the truth.
        predicted: integers (N,), 0..K-1.
        num_classes: K.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
        [[1, 1], [0, 1]]
    """
    cells = np.asarray(labels) * num_classes + predicted
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_scores(confusion: np.ndarray, class_names: tuple[str, ...]) -> tuple[ClassScore, ...]:
    """Return each class's scores, all with Wilson's interval.

    F1 is 2 s / (1 + s), where s is the share of images named rightly among those that are of the
    class or were called it; so the interval of that share carries over. Source: Hand, Christen and
    Kirielle 2021, https://doi.org/10.1007/s10994-021-05964-1.

    Args:
        confusion: int (K, K), as `confusion_matrix` gives it.
        class_names: K names.
    """
    correct = np.diag(confusion).tolist()
    of_class = confusion.sum(axis=1).tolist()
    called = confusion.sum(axis=0).tolist()
    return tuple(
        ClassScore(
            class_name=name,
            num_images=num,
            num_predicted=num_called,
            num_correct=right,
            precision=share_of(right, num_called),
            recall=share_of(right, num),
            f1=_f1_of(share_of(right, num + num_called - right)),
        )
        for name, num, num_called, right in zip(class_names, of_class, called, correct, strict=True)
    )


def macro_scores(confusion: np.ndarray, seed: int = 0) -> MacroScores:
    """Return the macro averages, with percentile bootstrap intervals.

    Args:
        confusion: int (K, K), of at least one image.
        seed: of the bootstrap.
    """
    num_classes, num_images = len(confusion), int(confusion.sum())
    truth, called = np.nonzero(confusion)
    counts = confusion[truth, called]
    measured = _macro(counts[None], truth, called, num_classes)
    drawn = _macro(resampled_counts(counts, seed), truth, called, num_classes)
    found = [
        Estimate(float(value), percentile_interval(scores), "bootstrap", num_images)
        for value, scores in zip(measured[:, 0], drawn, strict=True)
    ]
    return MacroScores(*found)


def _f1_of(share: Estimate) -> Estimate:
    if share.value is None or share.interval is None:
        return share
    value, low, high = (
        2 * s / (1 + s) for s in (share.value, share.interval.low, share.interval.high)
    )
    return replace(share, value=value, interval=Interval(low, high))


def _macro(
    counts: np.ndarray, truth: np.ndarray, called: np.ndarray, num_classes: int
) -> np.ndarray:
    """Return macro precision, recall and F1 of each draw: float64 (3, R).

    Args:
        counts: int (R, C), images in the confusion matrix's C occupied cells.
        truth, called: int (C,), the cells' rows and columns.
        num_classes: K.
    """
    is_right = truth == called
    correct = _sums(counts[:, is_right], truth[is_right], num_classes)
    of_class = _sums(counts, truth, num_classes)
    num_called = _sums(counts, called, num_classes)
    occurs = np.maximum((of_class + num_called > 0).sum(axis=1), 1)
    scores = (
        correct / np.maximum(num_called, 1),
        correct / np.maximum(of_class, 1),
        2 * correct / np.maximum(of_class + num_called, 1),
    )
    return np.stack([score.sum(axis=1) / occurs for score in scores])


def _sums(counts: np.ndarray, classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Sum the cells of each class: int64 (R, K)."""
    sums = np.zeros((num_classes, len(counts)), dtype=np.int64)
    np.add.at(sums, classes, counts.T)
    return sums.T
