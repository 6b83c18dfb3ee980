"""`Scores`: all scores of predictions against labels."""

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.estimate import Estimate, estimate_fraction
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.calibration import Calibration, compute_calibration
from clearsight.evaluation.scores.losses import mean_brier_score, mean_log_loss
from clearsight.evaluation.scores.macro import MacroScores, macro_scores
from clearsight.evaluation.scores.per_class import ClassScore, class_scores, confusion_matrix
from clearsight.evaluation.scores.temperature import apply_temperature, fit_temperature

_TOP_K = (3, 5)


@dataclass(frozen=True)
class TopKAccuracy:
    """How often the label is among the k most probable classes.

    Attributes:
        k: how many classes.
        accuracy: fraction of the images.
    """

    k: int
    accuracy: Estimate


@dataclass(frozen=True)
class TemperatureScaling:
    """What temperature scaling would change; the run's own probabilities are not scaled.

    Attributes:
        temperature: fitted on validation images.
        num_val_images: how many validation images it was fitted on.
        log_loss: of the scored images at that temperature, in nats.
        ece: expected calibration error of the scored images at that temperature.
    """

    temperature: float
    num_val_images: int
    log_loss: Estimate
    ece: Estimate

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError("a temperature is above 0")


@dataclass(frozen=True)
class Scores:
    """All scores of predictions against labels, each with its 95% interval.

    Attributes:
        num_images: how many images were scored.
        num_correct: how many of them were classified correctly.
        accuracy: fraction classified correctly.
        top: top-3 and top-5 accuracy, if there are more classes than that.
        macro: precision, recall and F1, with equal weights for all classes.
        classes: scores of each class.
        log_loss: mean cross-entropy in nats; None if some probability is not a finite number.
        brier: mean squared distance from the labels, summed over classes: 0..2; None as above.
        calibration: whether confidence matches accuracy; None as above.
        temperature_scaling: what it would change; None as above, or without validation images.
    """

    num_images: int
    num_correct: int
    accuracy: Estimate
    top: tuple[TopKAccuracy, ...]
    macro: MacroScores
    classes: tuple[ClassScore, ...]
    log_loss: Estimate | None
    brier: Estimate | None
    calibration: Calibration | None
    temperature_scaling: TemperatureScaling | None

    @property
    def guessing_accuracy(self) -> float:
        """Accuracy of always predicting the class that is most common among the scored images."""
        return max(each.num_images for each in self.classes) / self.num_images


def compute_scores(
    predictions: Predictions,
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> Scores:
    """Compute all scores.

    Args:
        predictions: of at least one image.
        labels: integers (N,), 0..K-1.
        validation: probabilities float (V, K) and labels integers (V,) of validation images, to
            fit a temperature on.
        seed: random seed of the bootstrap.
    """
    probabilities, names = predictions.probabilities, predictions.class_names
    confusion = confusion_matrix(labels, predictions.labels, len(names))
    num_correct = int(np.trace(confusion))
    log_loss = brier = calibration = scaling = None
    if np.isfinite(probabilities).all():
        log_loss = mean_log_loss(probabilities, labels)
        brier = mean_brier_score(probabilities, labels)
        calibration = compute_calibration(probabilities, labels, seed)
        scaling = _temperature_scaling(probabilities, labels, validation, seed)
    return Scores(
        num_images=len(labels),
        num_correct=num_correct,
        accuracy=estimate_fraction(num_correct, len(labels)),
        top=top_k_accuracies(probabilities, labels),
        macro=macro_scores(confusion, seed),
        classes=class_scores(confusion, names),
        log_loss=log_loss,
        brier=brier,
        calibration=calibration,
        temperature_scaling=scaling,
    )


def top_k_accuracies(probabilities: np.ndarray, labels: np.ndarray) -> tuple[TopKAccuracy, ...]:
    """Return top-3 and top-5 accuracy, if there are more classes than that.

    Equally probable classes are ranked in their own order, as in the prediction itself.

    Args:
        probabilities: float (N, K).
        labels: integers (N,), 0..K-1.
    """
    num_classes = probabilities.shape[1]
    values = np.where(np.isnan(probabilities), -np.inf, probabilities)
    label_values = values[np.arange(len(labels)), labels][:, None]
    is_ranked_first = np.arange(num_classes) < np.asarray(labels)[:, None]
    ranks = ((values > label_values) | ((values == label_values) & is_ranked_first)).sum(axis=1)
    return tuple(
        TopKAccuracy(k, estimate_fraction(int((ranks < k).sum()), len(labels)))
        for k in _TOP_K
        if num_classes > k
    )


def _temperature_scaling(
    probabilities: np.ndarray,
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray] | None,
    seed: int,
) -> TemperatureScaling | None:
    if validation is None or not len(validation[1]) or not np.isfinite(validation[0]).all():
        return None
    temperature = fit_temperature(*validation)
    scaled = apply_temperature(probabilities, temperature)
    log_loss = mean_log_loss(scaled, labels)
    ece = compute_calibration(scaled, labels, seed).ece
    return TemperatureScaling(temperature, len(validation[1]), log_loss, ece)
