"""Evaluates a network when its training has ended."""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.evaluation.curve.context import CurveContext
from clearsight.evaluation.curve.gap import Gap
from clearsight.evaluation.curve.reading import CurveReading, read_curve
from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.scores import Scores, compute_scores
from clearsight.models.graph import get_graph
from clearsight.run.finish.final_weights import FinalWeights
from clearsight.run.plan.plan import Plan
from clearsight.run.store.results import Results
from clearsight.run.store.run import predict_probabilities
from clearsight.run.test_set.ledger import TestSetUse, record_use
from clearsight.training.history import History

_NUM_SHOWN = 5
_MAX_VALIDATION_IMAGES = (
    1_000  # images: enough to fit a single number, the temperature, within percents
)


@dataclass(frozen=True, eq=False)
class RunEvaluation:
    """The evaluation of a network when its training has ended.

    Attributes:
        results: accuracies, times and the reading of the curve.
        reading: what the training curve shows.
        probabilities: float32 (N, K), predicted for the test images; None if not evaluated.
        scores: all scores of the test images; None if not evaluated.
    """

    results: Results
    reading: CurveReading
    probabilities: np.ndarray | None = None
    scores: Scores | None = None


def evaluate_run(plan: Plan, path: Path, history: History, weights: FinalWeights) -> RunEvaluation:
    """Read the training curve, and evaluate on the test images unless that is declined.

    The evaluation on the test images is recorded in the user's ledger, for the run in `path`. The
    plan's model must have the final weights.
    """
    data, last = plan.data, history[weights.epoch - 1]
    reading = read_curve(history, _curve_context(plan), weights.outcomes)
    probabilities = scores = None
    tested: dict[str, Any] = {}
    test = data.splits.test
    if test is not None and not plan.record.request.no_test:
        probabilities = predict_probabilities(
            plan.model, plan.preparation, test.images, plan.recipe.views
        )
        predictions = Predictions(probabilities, test.class_names)
        scores = compute_scores(predictions, test.labels, _validation(plan, weights))
        use = TestSetUse.now(path, "train", predictions.labels == test.labels, last.val_accuracy)
        tested = {
            "test_accuracy": scores.accuracy.value,
            "test_count": scores.num_images,
            "test_accuracy_interval": _interval(use.accuracy, len(test)),
            "test_guessing_accuracy": scores.guessing_accuracy,
            "test_loss": scores.log_loss.value if scores.log_loss is not None else None,
            "first_test_predictions": tuple(predictions.labels[:_NUM_SHOWN].tolist()),
            "first_test_labels": tuple(test.labels[:_NUM_SHOWN].tolist()),
            "test_leaked_count": plan.leaks.num_test,
            "test_accuracy_without_leaked": plan.leaks.accuracy_without(probabilities, test.labels),
            "test_set_uses": record_use(test.fingerprint, use),
        }
    num_correct, num_measured = int(weights.train_correct.sum()), len(weights.train_correct)
    gap = Gap.of_weights((num_correct, num_measured), (last.val_accuracy, data.num_validation))
    results = Results(
        train_accuracy=gap.train,
        train_count=data.num_train,
        train_measured_count=num_measured,
        train_accuracy_interval=_interval(gap.train, num_measured),
        train_guessing_accuracy=data.train_guessing_accuracy,
        val_accuracy=last.val_accuracy,
        val_count=data.num_validation,
        val_accuracy_interval=_interval(last.val_accuracy, data.num_validation),
        val_guessing_accuracy=data.val_guessing_accuracy,
        reading=reading.sentence,
        gap=gap.value,
        gap_interval=(gap.interval.low, gap.interval.high),
        best_epoch=reading.best_epoch,
        fit_seconds=sum(epoch.seconds for epoch in history),
        epoch_seconds=statistics.median(epoch.seconds for epoch in history),
        total_seconds=plan.seconds_so_far,
        findings=reading.findings,
        weights_of_epoch=weights.epoch,
        **tested,
    )
    return RunEvaluation(results, reading, probabilities, scores)


def _curve_context(plan: Plan) -> CurveContext:
    """Return what the curve does not show by itself."""
    recipe, data = plan.recipe, plan.data
    train = _class_fractions(data.splits.train, data.split.train)
    is_augmented = recipe.flip != "none" or recipe.translate_pixels or recipe.cutout_pixels
    layers = {type(call.layer).__name__ for call in get_graph(plan.model).calls}
    return CurveContext(
        num_train=data.num_train,
        num_val=data.num_validation,
        steps_per_epoch=-(-data.num_train // recipe.batch_size),
        class_fractions=tuple(train.tolist()),
        val_chance=data.val_guessing_accuracy,
        label_smoothing=recipe.label_smoothing,
        has_penalty=bool(plan.model.losses),
        is_made_harder=bool(is_augmented)
        or any("Drop" in layer or "Random" in layer for layer in layers),
        num_leaked=len(plan.leaks.validation),
    )


def _class_fractions(images: ImageSet, rows: np.ndarray) -> np.ndarray:
    """Return the fraction of each class among the images in those rows, float64 (K,)."""
    return np.bincount(images.labels[rows], minlength=images.num_classes) / len(rows)


def _validation(plan: Plan, weights: FinalWeights) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities, float32 (V, K), and labels, (V,), to fit a temperature to."""
    if plan.recipe.views.is_plain:
        return weights.val_probabilities, weights.val_labels
    images = plan.data.validation_images(_MAX_VALIDATION_IMAGES)
    views = plan.recipe.views
    probabilities = predict_probabilities(plan.model, plan.preparation, images.images, views)
    return probabilities, images.labels


def _interval(accuracy: float, count: int) -> tuple[float, float]:
    interval = wilson_interval(round(accuracy * count), count)
    return interval.low, interval.high
