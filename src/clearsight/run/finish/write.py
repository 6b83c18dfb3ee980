"""Writing what a run found: its results, then its bundle and its report."""

import logging
from collections.abc import Callable
from typing import Any

from clearsight.bundle.parity import NUM_IMAGES
from clearsight.errors import ClearsightError, MissingExtraError
from clearsight.report.curves import write_curves
from clearsight.run.execute.session import RunSession
from clearsight.run.export.bundle import export_run
from clearsight.run.finish.evaluate import RunEvaluation
from clearsight.run.plan.plan import Plan
from clearsight.run.report.report import write_report
from clearsight.run.store.curve_marks import run_curve_marks
from clearsight.run.store.predictions_csv import write_predictions
from clearsight.run.store.run import Run
from clearsight.training.history import History

_logger = logging.getLogger(__name__)


def write_results(
    plan: Plan, session: RunSession, history: History, evaluated: RunEvaluation
) -> None:
    """Write what the evaluation found, and that the run is finished.

    ``results.json`` comes last, with the status: where it is, the files beside it are complete.

    Raises:
        OutputError: when a file cannot be written.
    """
    folder, request, test = session.folder, plan.record.request, plan.data.splits.test
    if test is not None and evaluated.probabilities is not None:
        write_predictions(test, evaluated.probabilities, folder.predictions_path)
    if evaluated.scores is not None:
        folder.write_scores(evaluated.scores)
    title = (
        f"{request.model} on {request.source_name}: {plan.data.num_train:,} training and "
        f"{plan.data.num_validation:,} validation images"
    )
    try:
        marks = run_curve_marks(plan.record, history, evaluated.results)
        write_curves(history, marks, title, folder.curves_path)
    except MissingExtraError as error:
        _logger.warning("No curve image was drawn. %s", error)
    with session.stopper.deferring():
        folder.write_results(evaluated.results)
        folder.write_record(folder.read_record().with_status("finished"))


def write_artifacts(plan: Plan, session: RunSession) -> Run:
    """Write the bundle and the report of a finished run, unless that is declined; return the run.

    If one cannot be written, the run is finished nevertheless, and a warning says why.
    """
    run = Run.load(session.folder.path, allow_download=True)
    request = plan.record.request
    if request.bundle:
        images = plan.data.validation_images(NUM_IMAGES)
        command = session.folder.command("export")
        with session.progress.phase("writing the bundle"):
            write_or_warn("bundle", lambda: export_run(run, images=images), command)
        session.stopper.stop_if_requested()
    if request.report:
        test, command = plan.data.splits.test, session.folder.command("report")
        with session.progress.phase("writing the report"):
            write_or_warn("report", lambda: write_report(run, test), command)
    return run


def write_or_warn(what: str, write: Callable[[], Any], retry: str) -> None:
    """Write something, or log a warning that says why not, and the command to retry with."""
    try:
        write()
    except MissingExtraError as error:
        _logger.warning("No %s was written. %s", what, error)
    except Exception as error:
        why = str(error) if isinstance(error, ClearsightError) else f"{error!r}."
        _logger.warning("No %s was written: %s Try again: %s", what, why, retry)
