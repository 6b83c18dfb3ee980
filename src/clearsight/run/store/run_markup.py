"""A run as a notebook displays it: scores, chart, what the curve shows, next step, links."""

from collections.abc import Iterator

from clearsight.display.html import Html, element, escaped, file_link, joined, unbroken_options
from clearsight.errors import RunError
from clearsight.evaluation.scores.guessing import accuracy_scores
from clearsight.report.curve_chart import CurveChart, chart_or_reason
from clearsight.run.store.curve_marks import run_curve_marks
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.record import RunRecord
from clearsight.run.store.summary import summarize_run


def curve_chart(folder: RunFolder, record: RunRecord) -> CurveChart:
    """Return the chart of a run's curve.

    Raises:
        RunError: when no epoch is finished, or the file of epochs is damaged.
    """
    history = folder.read_history()
    if not history:
        raise RunError(
            f"A curve should have at least one finished epoch, but {folder.path} has none yet: "
            f"resume it with {folder.resume_command}"
        )
    marks = run_curve_marks(record, history, folder.read_results())
    return CurveChart([(folder.path.name, history)], marks)


def run_markup(folder: RunFolder, record: RunRecord) -> Html:
    """Return everything that a notebook displays of a run, finished or not.

    Raises:
        RunError: when its files are damaged.
    """
    return joined(_parts(folder, record))


def _parts(folder: RunFolder, record: RunRecord) -> Iterator[Html]:
    summary = summarize_run(folder, record)
    yield element("h4", summary.title)
    yield accuracy_scores(summary.accuracies)
    for remark in summary.remarks:
        yield element("p", remark)
    if folder.read_history():
        yield from chart_or_reason(curve_chart(folder, record))
    for advice in summary.advice:
        command = (
            (element("br"), element("code", unbroken_options(escaped(advice.command))))
            if advice.command
            else ()
        )
        yield element("p", advice.sentence, *command)
    paths = (
        ("report", folder.report_path),
        ("bundle", folder.bundle_path),
        ("folder", folder.path),
    )
    links = [(name, file_link(path, str(path))) for name, path in paths if path.exists()]
    yield element("p", *(part for name, link in links for part in (name, " ", link, element("br"))))
