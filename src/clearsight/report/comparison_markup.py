"""A comparison of runs as a notebook displays it."""

from collections.abc import Sequence

from clearsight.display.html import Html, element, interval_bar, output, table
from clearsight.evaluation.intervals.interval import Interval
from clearsight.report.curve_chart import CurveChart, chart_or_reason
from clearsight.training.history import History

AccuracyRow = tuple[str, float, Interval | None]
"""A run's name, its accuracy, and the interval of that if there is one."""


def comparison_markup(
    heading: str,
    rows: Sequence[AccuracyRow],
    sentences: Sequence[str],
    curves: Sequence[tuple[str, History]],
) -> str:
    """Return a notebook's output: a table of accuracies, sentences about them, and the curves.

    Args:
        heading: a sentence about the images.
        rows: one for each run.
        sentences: what differs.
        curves: name and history of each run; runs of the same name have the same colour.
    """
    return output(
        element("p", heading),
        _accuracy_table(rows),
        *(element("p", sentence) for sentence in sentences),
        *chart_or_reason(CurveChart(tuple(curves))),
    )


def _accuracy_table(rows: Sequence[AccuracyRow]) -> Html:
    """Return a table of runs with their accuracies, whose intervals are drawn on one axis."""
    ends = [(each.low, each.high) if each else (value, value) for _, value, each in rows]
    axis = min(low for low, _ in ends), max(high for _, high in ends)
    cells = (
        (name, f"{value:.3f}", f"{low:.3f} to {high:.3f}", interval_bar(value, (low, high), axis))
        for (name, value, _), (low, high) in zip(rows, ends, strict=True)
    )
    return table(("run", "test accuracy", "95% interval", ""), cells)
