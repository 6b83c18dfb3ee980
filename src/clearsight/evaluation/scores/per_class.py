"""The confusion matrix, and precision, recall and F1 of each class."""

from dataclasses import dataclass, replace

import numpy as np

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


def _f1(overlap: Estimate) -> Estimate:
    if overlap.value is None or overlap.interval is None:
        return overlap
    value, low, high = (
        2 * s / (1 + s) for s in (overlap.value, overlap.interval.low, overlap.interval.high)
    )
    return replace(overlap, value=value, interval=Interval(low, high))
