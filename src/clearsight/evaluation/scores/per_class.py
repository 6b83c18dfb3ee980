"""Precision, recall and F1 of each class, and their macro averages."""

from dataclasses import dataclass, replace

import numpy as np

from clearsight.evaluation.intervals.bootstrap import percentile_interval, resampled_counts
from clearsight.evaluation.intervals.estimate import Estimate, estimate_fraction
from clearsight.evaluation.intervals.interval import Interval


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class.

    Attributes:
        class_name: its name.
        num_images: how many images belong to it.
        num_predicted: how many images were predicted as it.
        num_correct: how many images are both.
        precision: fraction of the images predicted as the class that belong to it.
        recall: fraction of the class's images that were predicted as it.
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
    """Means over the classes that occur, with equal weights.

    A class occurs if it is the label or the prediction of some image. As in scikit-learn,
    precision of a class never predicted, and recall of a class without images, count as 0.

    Attributes:
        precision: mean precision.
        recall: mean recall.
        f1: mean F1.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count the images of each class predicted as each class: int64 (K, K), labels by row.

    Args:
        labels: integers (N,), 0..K-1.
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

    F1 is 2 s / (1 + s), where s is the fraction classified correctly among the images that belong
    to the class or were predicted as it, so the interval of s can be transformed. Source: Hand,
    Christen and Kirielle 2021, https://doi.org/10.1007/s10994-021-05964-1.

    Args:
        confusion: int (K, K), a confusion matrix with the labels by row.
        class_names: K names.
    """
    correct = np.diag(confusion).tolist()
    in_class = confusion.sum(axis=1).tolist()
    predicted = confusion.sum(axis=0).tolist()
    return tuple(
        ClassScore(
            class_name=name,
            num_images=num_images,
            num_predicted=num_predicted,
            num_correct=num_correct,
            precision=estimate_fraction(num_correct, num_predicted),
            recall=estimate_fraction(num_correct, num_images),
            f1=_f1(estimate_fraction(num_correct, num_images + num_predicted - num_correct)),
        )
        for name, num_images, num_predicted, num_correct in zip(
            class_names, in_class, predicted, correct, strict=True
        )
    )


def macro_scores(confusion: np.ndarray, seed: int = 0) -> MacroScores:
    """Return the macro averages, with percentile bootstrap intervals.

    Args:
        confusion: int (K, K), of at least one image.
        seed: random seed of the bootstrap.
    """
    num_classes, num_images = len(confusion), int(confusion.sum())
    labels, predicted = np.nonzero(confusion)
    counts = confusion[labels, predicted]
    values = _macro(counts[None], labels, predicted, num_classes)
    resampled = _macro(resampled_counts(counts, seed), labels, predicted, num_classes)
    return MacroScores(
        *(
            Estimate(float(value), percentile_interval(row), "bootstrap", num_images)
            for value, row in zip(values[:, 0], resampled, strict=True)
        )
    )


def _f1(overlap: Estimate) -> Estimate:
    if overlap.value is None or overlap.interval is None:
        return overlap
    value, low, high = (
        2 * s / (1 + s) for s in (overlap.value, overlap.interval.low, overlap.interval.high)
    )
    return replace(overlap, value=value, interval=Interval(low, high))


def _macro(
    counts: np.ndarray, labels: np.ndarray, predicted: np.ndarray, num_classes: int
) -> np.ndarray:
    """Return macro precision, recall and F1 of each resample: float64 (3, R).

    Args:
        counts: int (R, C), images in the C occupied cells of the confusion matrix.
        labels: int (C,), the cells' rows.
        predicted: int (C,), the cells' columns.
        num_classes: K.
    """
    is_correct = labels == predicted
    num_correct = _sums(counts[:, is_correct], labels[is_correct], num_classes)
    num_images = _sums(counts, labels, num_classes)
    num_predicted = _sums(counts, predicted, num_classes)
    num_occurring = np.maximum((num_images + num_predicted > 0).sum(axis=1), 1)
    scores = (
        num_correct / np.maximum(num_predicted, 1),
        num_correct / np.maximum(num_images, 1),
        2 * num_correct / np.maximum(num_images + num_predicted, 1),
    )
    return np.stack([score.sum(axis=1) / num_occurring for score in scores])


def _sums(counts: np.ndarray, classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Sum the cells of each class: int64 (R, K)."""
    sums = np.zeros((num_classes, len(counts)), dtype=np.int64)
    np.add.at(sums, classes, counts.T)
    return sums.T
