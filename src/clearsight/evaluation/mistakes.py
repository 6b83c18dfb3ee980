"""What a network gets wrong: which classes it takes for which, how sure it was, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.proportions import Interval, wilson_interval
from clearsight.evaluation.label_errors import find_label_errors
from clearsight.evaluation.scores.per_class import confusion_matrix


@dataclass(frozen=True, eq=False)
class ConfusedPair:
    """Images of one class that were taken for one other.

    Attributes:
        truth: the class that they are labelled as.
        predicted: the class that they were taken for.
        indices: int64 (M,), the images, the surest mistake first.
    """

    truth: int
    predicted: int
    indices: np.ndarray

    @property
    def count(self) -> int:
        """How many images."""
        return len(self.indices)


@dataclass(frozen=True)
class GroupAccuracy:
    """How many images of one group were named rightly.

    Attributes:
        group: its name.
        num_images: how many images it has.
        num_correct: how many of them were named rightly.
    """

    group: str
    num_images: int
    num_correct: int

    @property
    def accuracy(self) -> float:
        """Share named rightly."""
        return self.num_correct / self.num_images

    @property
    def interval(self) -> Interval:
        """Wilson's 95% interval of the accuracy, as if images of a group were independent."""
        return wilson_interval(self.num_correct, self.num_images)


@dataclass(frozen=True, eq=False)
class Mistakes:
    """What went wrong on images that the network had not seen.

    Attributes:
        confusion: int64 (K, K), how many images of class i were taken for class j.
        pairs: classes that were taken for others, the most frequent pair first.
        wrong: int64 (M,), the images named wrongly, the surest mistake first.
        least_certain: int64 (N,), all images, first those whose two likeliest classes lie
            closest together.
        suspects: int64 (S,), images whose label may be wrong itself, by confident learning, the
            likeliest first; see `find_label_errors`.
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
    """Sort out what a network got wrong.

    Args:
        probabilities: float (N, K), finite, rows sum to 1, K at least 2; of images that the
            network has not seen.
        labels: integers (N,), 0..K-1.
        groups: N names of what each image belongs to, or None.

    Raises:
        ValueError: when these do not fit together or probabilities are no numbers.

    Example:
        >>> import numpy as np
        >>> sure = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
        >>> mistakes = find_mistakes(sure, np.array([0, 0, 1, 1]))
        >>> mistakes.confusion.tolist(), mistakes.wrong.tolist(), mistakes.least_certain.tolist()
        ([[1, 1], [1, 1]], [3, 1], [1, 3, 2, 0])
    """
    suspects = find_label_errors(probabilities, labels).suspects  # checks the shapes, too
    if groups is not None and len(groups) != len(labels):
        raise ValueError(f"{len(groups)} groups do not fit {len(labels)} images.")
    if not np.isfinite(probabilities).all():
        raise ValueError("Probabilities should be finite numbers, but some are not.")
    values = probabilities.astype(np.float64)
    predicted = values.argmax(axis=1)
    runners_up, best = np.partition(values, -2, axis=1)[:, -2:].T
    wrong = surest_mistakes(values, labels)
    return Mistakes(
        confusion=confusion_matrix(labels, predicted, values.shape[1]),
        pairs=_pairs(labels, predicted, wrong),
        wrong=wrong,
        least_certain=np.argsort(best - runners_up, kind="stable"),
        suspects=suspects,
        by_group=_by_group(predicted == labels, groups) if groups is not None else (),
    )


def surest_mistakes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the images named wrongly, the surest mistake first: int64 (M,).

    Args:
        probabilities: float (N, K).
        labels: integers (N,), 0..K-1.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


def _pairs(
    labels: np.ndarray, predicted: np.ndarray, wrong: np.ndarray
) -> tuple[ConfusedPair, ...]:
    """Sort the images named wrongly, `wrong`, by what they are and were taken for."""
    found: dict[tuple[int, int], list[int]] = {}
    for index in wrong.tolist():
        found.setdefault((int(labels[index]), int(predicted[index])), []).append(index)
    pairs = [
        ConfusedPair(truth, taken_for, np.array(indices, dtype=np.int64))
        for (truth, taken_for), indices in found.items()
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, pair.truth, pair.predicted)))


def _by_group(is_right: np.ndarray, groups: Sequence[str]) -> tuple[GroupAccuracy, ...]:
    counts: dict[str, list[int]] = {}
    for group, right in zip(groups, is_right.tolist(), strict=True):
        count = counts.setdefault(group, [0, 0])
        count[0] += 1
        count[1] += right
    scores = [GroupAccuracy(group, *count) for group, count in counts.items()]
    return tuple(sorted(scores, key=lambda score: (score.accuracy, -score.num_images, score.group)))
