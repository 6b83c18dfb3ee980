"""Evaluating a network when its training has ended, and writing its results."""

from __future__ import annotations

import logging
import statistics
import time

import numpy as np

from clearsight.errors import MissingExtraError
from clearsight.evaluation.curve.context import CurveContext
from clearsight.evaluation.curve.reading import CurveReading, read_curve
from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.score import compute_score
from clearsight.evaluation.scores.scores import compute_scores
from clearsight.models.graph import get_graph
from clearsight.report.curves import write_curves
from clearsight.run.finish.final_weights import FinalWeights
from clearsight.run.plan.plan import Plan
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.predictions_csv import write_predictions
from clearsight.run.store.results import Results
from clearsight.run.store.run import predict_probabilities
from clearsight.run.test_set.ledger import TestSetUse, record_use
from clearsight.training.history import History

_logger = logging.getLogger(__name__)
_NUM_SHOWN = 5
_MOST_VALIDATION = 1_000  # images: enough to fit a single number, the temperature, within percents
_NEARLY_ZERO = 0.2  # of the learning rate, as a fraction of its maximum


def evaluate_run(plan: Plan, folder: RunFolder, history: History, weights: FinalWeights) -> None:
    """Evaluate on the test images, unless that is declined, and write all results.

    ``predictions.csv`` and ``scores.json`` hold the test images' results; ``results.json`` and
    ``curves.png`` are written without test images too.
    """
    num_train, num_val = plan.data.num_train, plan.data.num_validation
    reading = read_curve(history, _circumstances(plan), weights.outcomes)
    last = history[weights.epoch - 1]
    test = None if plan.record.request.no_test else plan.data.splits.test
    score, first_predictions, num_leaked, without_leaked, uses = None, (), 0, None, None
    if test is not None:
        probabilities = predict_probabilities(
            plan.model, plan.preparation, test.images, plan.recipe.views
        )
        score = compute_score(probabilities, test.labels)
        first_predictions = tuple(probabilities[:_NUM_SHOWN].argmax(axis=1).tolist())
        num_leaked = plan.leaks.num_test
        without_leaked = plan.leaks.accuracy_without(probabilities, test.labels)
        write_predictions(test, probabilities, folder.predictions_path)
        predictions = Predictions(probabilities, test.class_names)
        folder.write_scores(compute_scores(predictions, test.labels, _validation(plan, weights)))
        is_correct = predictions.labels == test.labels
        use = TestSetUse.now(folder.path, "train", is_correct, last.val_accuracy)
        uses = record_use(test.fingerprint, use)
    results = Results(
        train_accuracy=last.accuracy,
        train_count=num_train,
        train_accuracy_interval=_interval(last.accuracy, num_train),
        val_accuracy=last.val_accuracy,
        val_count=num_val,
        val_accuracy_interval=_interval(last.val_accuracy, num_val),
        test_accuracy=score.accuracy if score else None,
        test_count=score.num_images if score else 0,
        test_accuracy_interval=(score.interval.low, score.interval.high) if score else None,
        test_loss=score.loss if score else None,
        first_test_predictions=first_predictions,
        first_test_labels=tuple(test.labels[:_NUM_SHOWN].tolist()) if test is not None else (),
        reading=reading.sentence,
        gap=reading.gap,
        gap_interval=(reading.gap_interval.low, reading.gap_interval.high),
        best_epoch=reading.best_epoch,
        fit_seconds=sum(epoch.seconds for epoch in history),
        epoch_seconds=statistics.median(epoch.seconds for epoch in history),
        total_seconds=time.perf_counter() - plan.planned_at + _seconds_before(plan),
        findings=reading.findings,
        weights_of_epoch=weights.epoch,
        test_leaked_count=num_leaked,
        test_accuracy_without_leaked=without_leaked,
        test_set_uses=uses,
    )
    folder.write_results(results)
    _write_curves(plan, folder, history, reading)


def _circumstances(plan: Plan) -> CurveContext:
    """Return what the curve does not show by itself."""
    recipe = plan.recipe
    counts = np.bincount(plan.data.held_out.labels[plan.data.split.validation])
    fractions = counts[counts > 0] / counts.sum()
    is_augmented = recipe.flip != "none" or recipe.translate_pixels or recipe.cutout_pixels
    layers = {type(call.layer).__name__ for call in get_graph(plan.model).calls}
    return CurveContext(
        num_train=plan.data.num_train,
        num_val=plan.data.num_validation,
        chance=float(fractions.max()),
        chance_loss=float(-(fractions * np.log(fractions)).sum()),
        is_made_harder=bool(is_augmented)
        or any("Drop" in layer or "Random" in layer for layer in layers),
        is_annealed=recipe.schedule == "triangular" and recipe.last_factor < _NEARLY_ZERO,
        num_leaked=len(plan.leaks.validation),
    )


def _validation(plan: Plan, weights: FinalWeights) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and labels of validation images, to fit a temperature to."""
    if plan.recipe.views.is_plain:
        return weights.val_probabilities, weights.val_labels
    images = plan.data.validation_images(_MOST_VALIDATION)
    probabilities = predict_probabilities(
        plan.model, plan.preparation, images.images, plan.recipe.views
    )
    return probabilities, images.labels


def _seconds_before(plan: Plan) -> float:
    """Return how long the earlier parts of a resumed run trained."""
    if plan.resume_point is None:
        return 0.0
    checkpoint = plan.resume_point.checkpoint
    return checkpoint.seconds + sum(epoch.seconds for epoch in checkpoint.history)


def _interval(accuracy: float, count: int) -> tuple[float, float]:
    interval = wilson_interval(round(accuracy * count), count)
    return interval.low, interval.high


def _write_curves(plan: Plan, folder: RunFolder, history: History, reading: CurveReading) -> None:
    title = (
        f"{plan.record.request.model} on {plan.source_name}: {plan.data.num_train:,} training and "
        f"{plan.data.num_validation:,} validation images"
    )
    try:
        write_curves(history, reading, title, folder.curves_path)
    except MissingExtraError as error:
        _logger.warning("No curve image was drawn. %s", error)
