"""What is measured when a training has ended, and written beside it."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import asdict

import numpy as np

from clearsight.errors import MissingExtraError
from clearsight.evaluation.curve.reading import CurveReading, read_curve
from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.score import score_of
from clearsight.evaluation.scores.scores import measures_of
from clearsight.report.curves import write_curves
from clearsight.run.finish.circumstances import circumstances_of
from clearsight.run.finish.final_weights import FinalWeights
from clearsight.run.plan.plan import Plan
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.predictions_csv import write_predictions
from clearsight.run.store.results import Results
from clearsight.run.store.run import predict_probabilities
from clearsight.run.test_set.ledger import Look, record_look
from clearsight.training.history import History

_NUM_SHOWN = 5
_MOST_VALIDATION = 1_000  # they fix the one number, a temperature, to some percent


def measure(plan: Plan, folder: RunFolder, history: History, weights: FinalWeights) -> None:
    """Open the test images, once, unless they are sealed, and write down what was found.

    ``predictions.csv`` and ``measures.json`` are of the test images; ``results.json`` and
    ``curves.png`` are there without them too.
    """
    num_train, num_val = len(plan.data.split.train), len(plan.data.split.validation)
    leaked = plan.leaks
    reading = read_curve(history, circumstances_of(plan, leaked), weights.outcomes)
    last = history[weights.epoch - 1]
    test = None if plan.record.request.no_test else plan.data.splits.test
    score, shown, num_leaked, without_leaked, looks = None, (), 0, None, None
    if test is not None:
        probabilities = predict_probabilities(
            plan.model, plan.preparation, test.images, plan.recipe.views
        )
        score = score_of(probabilities, test.labels)
        shown = tuple(probabilities[:_NUM_SHOWN].argmax(axis=1).tolist())
        num_leaked = leaked.num_test
        without_leaked = leaked.accuracy_without(probabilities, test.labels)
        write_predictions(test, probabilities, folder.predictions_path)
        predictions = Predictions(probabilities, test.class_names)
        folder.write_measures(measures_of(predictions, test.labels, _validation(plan, weights)))
        is_right = predictions.labels == test.labels
        looks = record_look(
            test.fingerprint, Look.at(folder.path, "train", is_right, last.val_accuracy)
        )
        if looks.note:
            print(f"Note: {looks.note}", file=sys.stderr)
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
        first_test_predictions=shown,
        first_test_labels=tuple(test.labels[:_NUM_SHOWN].tolist()) if test is not None else (),
        reading=reading.sentence,
        gap=reading.gap,
        gap_interval=(reading.gap_interval.low, reading.gap_interval.high),
        best_epoch=reading.best_epoch,
        findings=tuple(asdict(finding) for finding in reading.findings),
        weights_of_epoch=weights.epoch,
        fit_seconds=sum(epoch.seconds for epoch in history),
        epoch_seconds=statistics.median(epoch.seconds for epoch in history),
        total_seconds=time.perf_counter() - plan.planned_at + _seconds_before(plan),
        test_leaked_count=num_leaked,
        test_accuracy_without_leaked=without_leaked,
        test_looks=looks.count if looks else 0,
        test_looks_runs=looks.num_runs if looks else 0,
        test_optimism=looks.optimism if looks else None,
    )
    folder.write_results(results)
    _write_image(plan, folder, history, reading)


def _validation(plan: Plan, weights: FinalWeights) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and labels of validation images, to fit a temperature on."""
    if plan.recipe.views.is_plain:
        return weights.val_probabilities, weights.val_labels
    chosen = plan.data.validation_images(_MOST_VALIDATION)
    probabilities = predict_probabilities(
        plan.model, plan.preparation, chosen.images, plan.recipe.views
    )
    return probabilities, chosen.labels


def _seconds_before(plan: Plan) -> float:
    """Return how long the earlier parts of a resumed run trained."""
    if plan.resume_point is None:
        return 0.0
    checkpoint = plan.resume_point.checkpoint
    return checkpoint.seconds + sum(epoch.seconds for epoch in checkpoint.history)


def _interval(accuracy: float, count: int) -> tuple[float, float]:
    interval = wilson_interval(round(accuracy * count), count)
    return interval.low, interval.high


def _write_image(plan: Plan, folder: RunFolder, history: History, reading: CurveReading) -> None:
    num_train, num_val = len(plan.data.split.train), len(plan.data.split.validation)
    title = (
        f"{plan.record.request.model} on {plan.source_name}: {num_train:,} training and "
        f"{num_val:,} "
        "validation images"
    )
    try:
        write_curves(history, reading, title, folder.curves_path)
    except MissingExtraError as error:
        print(f"No curve image was drawn. {error}", file=sys.stderr)
