"""`Measures`: everything that is said of how well predictions match the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.bootstrap import percentile_interval, resampled_sums
from clearsight.evaluation.intervals.estimate import Estimate, share_of
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.calibration import Calibration, calibration_of
from clearsight.evaluation.scores.per_class import (
    ClassScore,
    MacroScores,
    class_scores,
    confusion_matrix,
    macro_scores,
)
from clearsight.evaluation.scores.score import log_losses
from clearsight.evaluation.scores.temperature import fit_temperature, tempered

_TOP_COUNTS = (3, 5)


@dataclass(frozen=True)
class TopShare:
    """How often the truth is among the most probable classes.

    Attributes:
        count: among so many.
        share: of the images.
    """

    count: int
    share: Estimate


@dataclass(frozen=True)
class Tempered:
    """What temperature scaling would change; the run's own probabilities stay as they are.

    Attributes:
        temperature: fitted on validation images.
        num_val_images: on how many.
        log_loss: of the measured images at that temperature, in nats.
        ece: likewise.
    """

    temperature: float
    num_val_images: int
    log_loss: Estimate
    ece: Estimate


@dataclass(frozen=True)
class Measures:
    """``scores.json``: how predictions match the truth, each score with its 95% interval.

    Attributes:
        num_images: how many images were measured.
        accuracy: share named rightly.
        top: top-3 and top-5 accuracy, where there are more classes.
        macro: precision, recall and F1, each class counting alike.
        classes: each class's own.
        log_loss: mean cross-entropy in nats; None when the probabilities are no finite numbers,
            likewise below.
        brier: mean over images of the squared distance to the truth, summed over classes: 0..2.
        calibration: whether confidence tells accuracy.
        tempered: what temperature scaling would change; None also without validation images.
    """

    num_images: int
    accuracy: Estimate
    top: tuple[TopShare, ...]
    macro: MacroScores
    classes: tuple[ClassScore, ...]
    log_loss: Estimate | None
    brier: Estimate | None
    calibration: Calibration | None
    tempered: Tempered | None


def measures_of(
    predictions: Predictions,
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> Measures:
    """Measure predictions in every way.

    Args:
        predictions: of the images, at least one.
        labels: integers (N,), 0..K-1, their truth.
        validation: probabilities float (V, K) and labels integers (V,) of the validation images,
            to fit a temperature on.
        seed: of the bootstrap.
    """
    probabilities, names = predictions.probabilities, predictions.class_names
    confusion = confusion_matrix(labels, predictions.labels, len(names))
    loss = brier = calibration = scaled = None
    if np.isfinite(probabilities).all():
        loss, brier = _means(
            [log_losses(probabilities, labels), brier_of_each(probabilities, labels)], seed
        )
        calibration = calibration_of(probabilities, labels, seed)
        scaled = _tempered(probabilities, labels, validation, seed)
    return Measures(
        num_images=len(labels),
        accuracy=share_of(int(np.trace(confusion)), len(labels)),
        top=top_shares(probabilities, labels),
        macro=macro_scores(confusion, seed),
        classes=class_scores(confusion, names),
        log_loss=loss,
        brier=brier,
        calibration=calibration,
        tempered=scaled,
    )


def brier_of_each(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each image's Brier score, summed over classes: float64 (N,), 0..2.

    Source: Brier 1950, https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.

    Example:
        >>> brier_of_each(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1])).tolist()
        [0.5, 2.0]
    """
    apart = probabilities.astype(np.float64)
    apart[np.arange(len(labels)), labels] -= 1
    return (apart**2).sum(axis=1)


def top_shares(probabilities: np.ndarray, labels: np.ndarray) -> tuple[TopShare, ...]:
    """Return top-3 and top-5 accuracy, where there are more classes than that.

    Of classes that are equally probable the first comes first, as in the prediction itself.

    Args:
        probabilities: float (N, K).
        labels: integers (N,), 0..K-1.
    """
    num_classes = probabilities.shape[1]
    values = np.where(np.isnan(probabilities), -np.inf, probabilities)
    of_truth = values[np.arange(len(labels)), labels][:, None]
    comes_first = np.arange(num_classes) < np.asarray(labels)[:, None]
    ranks = ((values > of_truth) | ((values == of_truth) & comes_first)).sum(axis=1)
    return tuple(
        TopShare(count, share_of(int((ranks < count).sum()), len(labels)))
        for count in _TOP_COUNTS
        if num_classes > count
    )


def _means(columns: list[np.ndarray], seed: int) -> list[Estimate]:
    """Return the mean of each column, float (N,), with its percentile bootstrap interval."""
    count = len(columns[0])
    drawn = resampled_sums(np.stack(columns, axis=1), seed) / count
    return [
        Estimate(float(column.mean()), percentile_interval(scores), "bootstrap", count)
        for column, scores in zip(columns, drawn.T, strict=True)
    ]


def _tempered(
    probabilities: np.ndarray,
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray] | None,
    seed: int,
) -> Tempered | None:
    if validation is None or not len(validation[1]) or not np.isfinite(validation[0]).all():
        return None
    temperature = fit_temperature(*validation)
    scaled = tempered(probabilities, temperature)
    (loss,) = _means([log_losses(scaled, labels)], seed)
    ece = calibration_of(scaled, labels, seed).ece
    return Tempered(temperature, len(validation[1]), loss, ece)
