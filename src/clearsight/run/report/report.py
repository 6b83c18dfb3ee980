"""``report.html``: a run's results, composed into one page."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.errors import ClearsightError, RunError
from clearsight.evaluation.mistakes import find_mistakes
from clearsight.io.regular_file import read_regular
from clearsight.models.trace import trace_model
from clearsight.report.page import ReportPage, write_report_page
from clearsight.report.sections.mistakes import EvaluatedImages
from clearsight.run.report.provenance import data_health, provenance_of
from clearsight.run.report.saliency import compute_saliency
from clearsight.run.store.curve_marks import run_curve_marks
from clearsight.run.store.predictions_csv import PredictedImages, read_predictions
from clearsight.run.store.results import Results
from clearsight.run.store.run import Run
from clearsight.run.store.summary import summarize_run
from clearsight.run.test_set.images import load_test_images

Part = TypeVar("Part")
_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_CURVES_BYTES = 20_000_000


def write_report(run: Run, images: ImageSet | None = None, *, path: Path | None = None) -> Path:
    """Write a run's report and return its path.

    It shows the results of the run's evaluation; writing it is no further use of the test set. The
    page lists what cannot be shown, for instance because the images are gone.

    Args:
        run: one with at least one finished epoch.
        images: its test images in the order of ``predictions.csv``, if they are loaded already.
        path: of the page; by default in the run's folder.

    Raises:
        RunError: when the run has no finished epoch.
        MissingExtraError: when the extra `report` is not installed.
        OutputError: when the page cannot be written.
    """
    history = run.folder.read_history()
    if not history:
        raise RunError(
            f"A report should show at least one finished epoch, but {run.path} has none yet: "
            f"resume it with {run.folder.how_to_resume()}"
        )
    record, results = run.record, run.folder.read_results()
    summary = summarize_run(run.folder, record)
    missing: list[str] = []
    trace = _attempt("The network", lambda: trace_model(run.model), missing)
    evaluated = scores = saliency = None
    why = _why_not_evaluated(run, results)
    if why is not None:
        missing.append(f"Test scores, mistakes and heat maps: {why}")
    else:
        scores = run.folder.read_scores()
        part = "Mistakes and heat maps"
        evaluated = _attempt(part, lambda: _evaluated_images(run, images, missing), missing)
    if evaluated is not None and evaluated.images is not None:
        shown = evaluated.images, evaluated.probabilities
        saliency = _attempt("Saliency", lambda: compute_saliency(run, *shown), missing)
    page = ReportPage(
        title=summary.title,
        run_name=run.path.resolve().name,
        accuracies=summary.accuracies,
        remarks=summary.remarks,
        advice=summary.advice,
        history=history,
        marks=run_curve_marks(record, history, results),
        curves_png=_attempt("The image of the curves", lambda: _read_curves(run), missing),
        trace=trace,
        evaluated=evaluated,
        scores=scores,
        saliency=saliency,
        health=data_health(record),
        provenance=provenance_of(record, results),
        missing=missing,
    )
    path = path or run.folder.report_path
    write_report_page(page, path)
    return path


def _attempt(part: str, make: Callable[[], Part], missing: list[str]) -> Part | None:
    """Make a part of the page, or say in `missing` why it cannot be made."""
    try:
        return make()
    except ClearsightError as error:
        missing.append(f"{part}: {error}")
        return None


def _read_curves(run: Run) -> bytes | None:
    """Return the image of the curves, None if there is none.

    Raises:
        RunError: when it is something else, which must not become part of a page.
    """
    path = run.folder.curves_path
    try:
        content = read_regular(path, _MAX_CURVES_BYTES, follow_links=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{path.name} cannot be read: {error.strerror}.") from error
    if not content.startswith(_PNG):
        raise RunError(f"{path.name} should be a PNG file, but is none.")
    return content


def _why_not_evaluated(run: Run, results: Results | None) -> str | None:
    if results is None:
        return "the run has not finished, and its test set is not used until then."
    if run.record.request.no_test:
        return "the test set is not used yet, as requested."
    if results.test_accuracy is None:
        return "there are no test images."
    return None


def _evaluated_images(run: Run, images: ImageSet | None, missing: list[str]) -> EvaluatedImages:
    """Return the predictions for the test images, and the images themselves if they still exist."""
    predicted = read_predictions(run.folder.predictions_path, run.class_names)
    probabilities = predicted.predictions.probabilities
    if not np.isfinite(probabilities).all():
        raise RunError("the network's predictions are not finite, because its training diverged.")
    if images is None:
        part = "Images of mistakes and heat maps"
        images = _attempt(part, lambda: _load_images(run, predicted), missing)
    groups = images.groups if images is not None else None
    mistakes = find_mistakes(probabilities, predicted.labels, groups)
    return EvaluatedImages(run.class_names, predicted.labels, probabilities, mistakes, images)


def _load_images(run: Run, predicted: PredictedImages) -> ImageSet:
    """Load the test images in the order of the predictions.

    Raises:
        ClearsightError: when they are gone, or their order in the source has changed.
    """
    images = load_test_images(run)
    if not np.array_equal(images.labels, predicted.labels):
        raise RunError("the order of the images has changed since they were evaluated.")
    return images
