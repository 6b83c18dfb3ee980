"""Macro averages of precision, recall and F1, with intervals that hold with few images too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.bootstrap import (
    NUM_PSEUDO_CORRECT,
    NUM_PSEUDO_WRONG,
    NUM_RESAMPLES,
)
from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.intervals.interval import Interval, t_interval
from clearsight.evaluation.intervals.proportions import wilson_interval


@dataclass(frozen=True)
class MacroScores:
    """Means over the classes that occur, with equal weights.

    A class occurs if it is the label or the prediction of some image. As in scikit-learn,
    precision of a class never predicted, and recall of a class without images, count as 0.

    Attributes:
        precision: mean precision.
        recall: mean recall, also called balanced accuracy.
        f1: mean F1.
    """

    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, eq=False)
class _Counts:
    """Images by class, of one sample or of several: float64 (..., K) each.

    Attributes:
        correct: classified correctly.
        in_class: that belong to the class.
        predicted: that were predicted as the class.
    """

    correct: np.ndarray
    in_class: np.ndarray
    predicted: np.ndarray

    @property
    def trials(self) -> np.ndarray:
        """The images of which precision, recall and s are fractions: float64 (3, ..., K).

        F1 is 2 s / (1 + s), where s is the fraction classified correctly among the images that
        belong to the class or were predicted as it; see `class_scores`.
        """
        either = self.in_class + self.predicted - self.correct
        return np.stack([self.predicted, self.in_class, either])

    @property
    def scores(self) -> np.ndarray:
        """Each class's precision, recall and F1, 0 if undefined: float64 (3, ..., K)."""
        precision, recall, overlap = self.correct / np.maximum(self.trials, 1e-12)
        return np.stack([precision, recall, 2 * overlap / (1 + overlap)])


def macro_scores(confusion: np.ndarray, seed: int = 0) -> MacroScores:
    """Return the macro averages with their intervals.

    Args:
        confusion: int (K, K), a confusion matrix with the labels by row, of at least one image.
        seed: random seed of the bootstrap.
    """
    occurs = np.flatnonzero(confusion.sum(axis=0) + confusion.sum(axis=1))
    confusion = confusion[np.ix_(occurs, occurs)]
    num_images = int(confusion.sum())
    counts = _Counts(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0))
    if len(occurs) == 1:  # all images are correct, and each score is the accuracy
        intervals = [wilson_interval(num_images, num_images)] * 3
    else:
        intervals = _intervals(confusion, counts, seed)
    return MacroScores(
        *(
            Estimate(value, interval.clip(0.0, 1.0).including(value), "bootstrap", num_images)
            for value, interval in zip(counts.scores.mean(axis=-1).tolist(), intervals, strict=True)
        )
    )


def _intervals(confusion: np.ndarray, counts: _Counts, seed: int) -> list[Interval]:
    """Return the intervals of macro precision, recall and F1.

    Pseudo-images (see `clearsight.evaluation.intervals.bootstrap`) go to the classes in proportion
    to 1 / (images + predictions), which is about each class's part of the score's variance: all
    classes count equally in the score, so it is as uncertain as its smallest classes. The sample
    with them is resampled. The interval is Student's: the score of the sample with the
    pseudo-images, plus or minus t times the standard deviation over resamples. Each class's
    variance gets Bessel's correction n / (n - 1), for resamples vary less than samples do. The
    degrees of freedom are Satterthwaite's (1946, https://doi.org/10.2307/3002019), from each
    class's variance and number of images: a variance that a class of five images dominates is
    uncertain itself.

    A measured F1 is too low on average, and more so with few images, since 2 s / (1 + s) is
    concave in s: by -2 s (1 - s) / ((1 + s)^3 n) with n images, half the second derivative times
    the variance of s. That holds if labels are drawn at random; if a stratified split fixes them,
    simulated biases are about half as large. Half is subtracted, which suits both.
    """
    weights = 1 / (counts.in_class + counts.predicted)
    weights /= weights.sum()
    mistakes = np.outer(weights, weights)
    np.fill_diagonal(mistakes, 0)
    mistakes /= mistakes.sum()
    correct, wrong = NUM_PSEUDO_CORRECT * weights, NUM_PSEUDO_WRONG * mistakes
    smoothed = _Counts(
        counts.correct + correct,
        counts.in_class + correct + wrong.sum(axis=1),
        counts.predicted + correct + wrong.sum(axis=0),
    )
    centers = smoothed.scores.mean(axis=-1)
    either = smoothed.trials[2]
    overlap = smoothed.correct / either
    centers[2] += (overlap * (1 - overlap) / ((1 + overlap) ** 3 * either)).mean()
    resampled = _resampled(confusion, correct, mistakes, seed).scores
    trials = np.maximum(smoothed.trials, 2)
    variances = resampled.var(axis=1)
    corrected = variances * trials / (trials - 1)
    total, uncertainty = corrected.sum(axis=-1), (corrected**2 / (trials - 1)).sum(axis=-1)
    errors = np.sqrt(resampled.mean(axis=-1).var(axis=-1) * total / variances.sum(axis=-1))
    rows = zip(centers.tolist(), errors.tolist(), (total**2 / uncertainty).tolist(), strict=True)
    return [t_interval(*row) for row in rows]


def _resampled(
    confusion: np.ndarray, correct: np.ndarray, mistakes: np.ndarray, seed: int
) -> _Counts:
    """Resample a confusion matrix with pseudo-images: `NUM_RESAMPLES` samples.

    Only the cells with images are drawn one by one, as most of a large matrix is empty.

    Args:
        confusion: int (K, K).
        correct: float64 (K,), correct pseudo-images of each class.
        mistakes: float64 (K, K), the distribution of wrong pseudo-images; its sum is 1.
        seed: random seed.
    """
    num_classes, generator = len(confusion), np.random.default_rng(seed)
    labels, predicted = np.nonzero(confusion + np.diag(correct))
    is_correct = labels == predicted
    cells = confusion[labels, predicted] + np.where(is_correct, correct[labels], 0.0)
    cells = np.append(cells, NUM_PSEUDO_WRONG)
    total = confusion.sum() + NUM_PSEUDO_CORRECT + NUM_PSEUDO_WRONG
    drawn = generator.multinomial(total, cells / cells.sum(), size=NUM_RESAMPLES).T
    counts = [_by_class(drawn[:-1], classes) for classes in (labels, predicted)]
    sample = np.repeat(np.arange(NUM_RESAMPLES), drawn[-1])
    pairs = generator.choice(mistakes.size, size=len(sample), p=mistakes.ravel())
    for count, classes in zip(counts, divmod(pairs, num_classes), strict=True):
        np.add.at(count, (classes, sample), 1)
    in_class, predicted_as = counts
    return _Counts(drawn[:-1][is_correct].T, in_class.T, predicted_as.T)


def _by_class(cells: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Sum the rows of each class: int64 (K, R).

    Args:
        cells: int64 (C, R).
        classes: int (C,), the class of each row; every class has one.
    """
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], np.arange(classes.max() + 1))
    return np.add.reduceat(cells[order], starts, axis=0)
