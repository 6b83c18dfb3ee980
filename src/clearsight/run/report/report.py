"""``report.html``: everything that a run found, put together for one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.errors import ClearsightError, RunError
from clearsight.evaluation.curve.context import CurveContext
from clearsight.evaluation.curve.reading import read_curve
from clearsight.evaluation.intervals.proportions import Interval, wilson_interval
from clearsight.evaluation.mistakes import find_mistakes
from clearsight.evaluation.saliency.saliency import Saliency
from clearsight.evaluation.scores.scores import Scores
from clearsight.models.trace import trace_model
from clearsight.report.page import (
    Accuracy,
    Advice,
    ReportPage,
    write_report_page,
)
from clearsight.report.sections.mistakes import EvaluatedImages
from clearsight.run.advise.command import step_command
from clearsight.run.advise.next_step import next_step
from clearsight.run.report.provenance import health_of, provenance_of
from clearsight.run.report.saliency import compute_saliency
from clearsight.run.store.predictions_csv import PredictedImages, read_predictions
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results
from clearsight.run.store.run import Run
from clearsight.run.test_set.images import load_test_images
from clearsight.training.history import History


@dataclass
class _Findings:
    """What could be found, and a sentence for each thing that could not."""

    trace: Any = None
    evaluated: EvaluatedImages | None = None
    scores: Scores | None = None
    saliency: Saliency | None = None
    missing: list[str] = field(default_factory=list)


def write_report(run: Run, images: ImageSet | None = None) -> Path:
    """Write a run's report into its folder and return its path.

    What cannot be shown, for instance because the images are gone, is said on the page. It shows
    what was found when the test images were measured, and is no further look at them.

    Args:
        run: one with at least one finished epoch.
        images: its test images in the order of ``predictions.csv``, where they are at hand.

    Raises:
        RunError: when the run has no finished epoch.
        MissingExtraError: when the part that draws reports is not installed.
        OutputError: when the page cannot be written.
    """
    if not run.folder.history_path.is_file() or not (history := run.history):
        raise RunError(
            f"A report should tell of at least one finished epoch, but {run.path} has none yet: go "
            f"on with {run.folder.resume_command}"
        )
    record, results = run.record, run.folder.read_results()
    found = _findings(run, results, images)
    curves = run.folder.curves_path
    page = ReportPage(
        title=f"{Path(record.request.model).name} on {Path(record.request.source).name}",
        run_name=run.path.resolve().name,
        accuracies=_accuracies(record, results, history),
        remarks=_remarks(run, results),
        advice=_advice(run, results, history),
        history=history,
        curves_png=curves.read_bytes() if curves.is_file() else None,
        trace=found.trace,
        evaluated=found.evaluated,
        scores=found.scores,
        saliency=found.saliency,
        health=health_of(record),
        provenance=provenance_of(record, results),
        missing=found.missing,
    )
    write_report_page(page, run.folder.report_path)
    return run.folder.report_path


def _findings(run: Run, results: Results | None, images: ImageSet | None) -> _Findings:
    found = _Findings()
    try:
        found.trace = trace_model(run.model)
    except ClearsightError as error:
        found.missing.append(f"The network: {error}")
    why = _why_untested(run, results)
    if why is not None:
        found.missing.append(f"Test scores, mistakes and heat maps: {why}")
        return found
    found.scores = run.folder.read_scores()
    try:
        _judge(run, images, found)
    except ClearsightError as error:
        found.missing.append(f"Mistakes and heat maps: {error}")
    return found


def _why_untested(run: Run, results: Results | None) -> str | None:
    if results is None:
        return "the run has not finished, and its test images stay closed until then."
    if run.record.request.no_test:
        return "the test images stay sealed, as was asked for."
    if results.test_accuracy is None:
        return "there are no test images."
    if not run.folder.predictions_path.is_file():
        return "the run was made by a version that did not keep them."
    return None


def _judge(run: Run, images: ImageSet | None, found: _Findings) -> None:
    """Show what the network said of the test images, and the images where they are there."""
    said = read_predictions(run.folder.predictions_path)
    probabilities = said.predictions.probabilities
    if not np.isfinite(probabilities).all():
        raise RunError("the network gives no finite numbers, because its training diverged.")
    if images is None:
        try:
            images = _measured_again(run, said)
        except ClearsightError as error:
            found.missing.append(f"Images of mistakes and heat maps: {error}")
    groups = images.groups if images is not None else None
    mistakes = find_mistakes(probabilities, said.labels, groups)
    found.evaluated = EvaluatedImages(run.class_names, said.labels, probabilities, mistakes, images)
    if images is None:
        return
    try:
        found.saliency = compute_saliency(run, images, probabilities)
    except ClearsightError as error:
        found.missing.append(f"Saliency: {error}")


def _measured_again(run: Run, said: PredictedImages) -> ImageSet:
    """Load the test images, which must lie in the order of the predictions.

    Raises:
        ClearsightError: when they are gone or lie elsewhere in their source now.
    """
    images = load_test_images(run)
    if not np.array_equal(images.labels, said.labels):
        raise RunError("the images lie in another order now than when they were measured.")
    return images


def _accuracies(
    record: RunRecord, results: Results | None, history: History
) -> tuple[Accuracy, ...]:
    if results is None:
        num_val = int(record.split["num_validation"])
        last = history[-1].val_accuracy
        interval = wilson_interval(round(last * num_val), num_val)
        return (Accuracy("validation", last, interval, num_val),)
    of_parts = (
        ("test", results.test_accuracy, results.test_accuracy_interval, results.test_count),
        ("validation", results.val_accuracy, results.val_accuracy_interval, results.val_count),
        ("training", results.train_accuracy, results.train_accuracy_interval, results.train_count),
    )
    return tuple(
        Accuracy(part, value, Interval(*interval), count)
        for part, value, interval, count in of_parts
        if value is not None and interval is not None
    )


def _remarks(run: Run, results: Results | None) -> list[str]:
    record, remarks = run.record, []
    if record.status != "finished":
        why = record.failed_because or (
            f"interrupted in {record.interrupted_at}" if record.interrupted_at else record.status
        )
        remarks.append(f"This run has not finished: {why}")
    if results is not None and 0 < results.weights_of_epoch < run.history[-1].epoch:
        remarks.append(
            f"The weights that are kept are those after epoch {results.weights_of_epoch}."
        )
    if results is not None and results.test_leaked_count:
        without = results.test_accuracy_without_leaked
        remarks.append(
            f"{results.test_leaked_count:,} of the test images also stand in training; "
            + ("no others are left." if without is None else f"without them: {without:.1%}.")
        )
    if results is not None and results.test_set_uses is not None:
        sentence = results.test_set_uses.sentence
        remarks += [sentence] if sentence else []
    return remarks


def _advice(run: Run, results: Results | None, history: History) -> tuple[Advice, ...]:
    if results is not None:
        advice = [Advice(finding.sentence) for finding in results.findings]
        step = next_step(run.record, results.findings)
        return (*advice, Advice(step.why, step_command(run.record, step))) if step else (*advice,)
    num_val = int(run.record.split["num_validation"])
    own = run.record.data["train"]["num_images"]
    num_train = own if run.record.split["method"] == "own" else own - num_val
    reading = read_curve(history, CurveContext(num_train, num_val))
    return (
        Advice(reading.sentence),
        Advice("The run has not finished. Go on with it:", run.folder.resume_command),
    )
