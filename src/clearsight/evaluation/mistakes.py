"""What a network gets wrong: confused classes, confident mistakes, uncertain images, groups."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.estimate import Estimate, estimate_fraction
from clearsight.evaluation.label_errors import find_label_errors
from clearsight.evaluation.scores.per_class import confusion_matrix


@dataclass(frozen=True, eq=False)
class ConfusedPair:
    """Images of one class that were predicted as another.

    Attributes:
        label: the class that they are labelled as.
        predicted: the class that was predicted.
        indices: int64 (M,), the images, the most confident mistake first.
    """

    label: int
    predicted: int
    indices: np.ndarray

    @property
    def count(self) -> int:
        """How many images."""
        return len(self.indices)


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy on the images of one group.

    Attributes:
        group: its name.
        accuracy: fraction classified correctly; its interval is Wilson's, which treats the images
            of a group as independent.
    """

    group: str
    accuracy: Estimate


@dataclass(frozen=True, eq=False)
class Mistakes:
    """A network's mistakes on images that it was not trained on.

    Attributes:
        confusion: int64 (K, K), how many images of class i were predicted as class j.
        pairs: pairs of classes that were confused, the most frequent first.
        wrong: int64 (M,), the images classified incorrectly, the most confident mistake first.
        least_certain: int64 (N,), all images, those with the smallest difference between their two
            most probable classes first.
        suspects: int64 (S,), images whose label may be wrong, by confident learning, the most
            likely error first; see `find_label_errors`.
        by_group: each group's accuracy, the lowest first; empty without groups.
    """

    confusion: np.ndarray
    pairs: tuple[ConfusedPair, ...]
    wrong: np.ndarray
    least_certain: np.ndarray
    suspects: np.ndarray
    by_group: tuple[GroupAccuracy, ...]


def find_mistakes(
    probabilities: np.ndarray, labels: np.ndarray, groups: Sequence[str] | None = None
) -> Mistakes:
    """Find and sort a network's mistakes.

    Args:
        probabilities: float (N, K), finite, rows sum to 1, K at least 2; of images that the
            network was not trained on.
        labels: integers (N,), 0..K-1.
        groups: the name of each image's group, or None.

    Raises:
        ValueError: if the lengths differ, or a probability is not a finite number.

    Example:
        >>> import numpy as np
        >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
        >>> mistakes = find_mistakes(probabilities, np.array([0, 0, 1, 1]))
        >>> mistakes.confusion.tolist(), mistakes.wrong.tolist(), mistakes.least_certain.tolist()
        ([[1, 1], [1, 1]], [3, 1], [1, 3, 2, 0])
    """
    suspects = find_label_errors(probabilities, labels).suspects  # also checks the shapes
    if groups is not None and len(groups) != len(labels):
        raise ValueError(
            f"Expected a group for each of {len(labels)} images, but got {len(groups)} groups."
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("Probabilities should be finite numbers, but some are not.")
    values = probabilities.astype(np.float64)
    predicted = values.argmax(axis=1)
    second, first = np.partition(values, -2, axis=1)[:, -2:].T
    wrong = most_confident_mistakes(values, labels)
    return Mistakes(
        confusion=confusion_matrix(labels, predicted, values.shape[1]),
        pairs=_pairs(labels, predicted, wrong),
        wrong=wrong,
        least_certain=np.argsort(first - second, kind="stable"),
        suspects=suspects,
        by_group=_by_group(predicted == labels, groups) if groups is not None else (),
    )


def most_confident_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the images classified incorrectly, the most confident first: int64 (M,).

    Args:
        probabilities: float (N, K).
        labels: integers (N,), 0..K-1.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def _pairs(
    labels: np.ndarray, predicted: np.ndarray, wrong: np.ndarray
) -> tuple[ConfusedPair, ...]:
    """Group the images in `wrong` by label and prediction."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index in wrong.tolist():
        found[int(labels[index]), int(predicted[index])].append(index)
    pairs = [
        ConfusedPair(*classes, np.array(indices, dtype=np.int64))
        for classes, indices in found.items()
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, pair.label, pair.predicted)))


def _by_group(is_correct: np.ndarray, groups: Sequence[str]) -> tuple[GroupAccuracy, ...]:
    results: dict[str, list[bool]] = defaultdict(list)
    for group, correct in zip(groups, is_correct.tolist(), strict=True):
        results[group].append(correct)
    accuracies = [
        GroupAccuracy(name, estimate_fraction(sum(correct), len(correct)))
        for name, correct in results.items()
    ]
    accuracies.sort(
        key=lambda each: (each.accuracy.value or 0.0, -each.accuracy.num_images, each.group)
    )
    return tuple(accuracies)
