"""Training curves as PNG: one run with its gap shaded, or several runs in one image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearsight.io.displayed_text import displayed
from clearsight.report.chart_file import (
    HEIGHT,
    WIDTH,
    epoch_axis,
    epoch_rows,
    import_altair,
    write_chart,
)
from clearsight.report.epoch_chart import ChartColors, CurveMarks, EpochChart
from clearsight.training.history import History

_COLORS = ChartColors("#1a66a8", "#b34700", "#1f2328", "#5c636b")
# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: distinguishable for colour-blind readers.
_RUN_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def write_curves(history: History, marks: CurveMarks, title: str, path: Path) -> None:
    """Draw the training curve and write it as PNG, replacing `path` atomically.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The curve image")
    charts = [EpochChart(history, metric, marks, HEIGHT) for metric in ("accuracy", "loss")]
    num_captions = max(len(chart.captions) for chart in charts)
    panels = alt.hconcat(*(_panel(alt, chart, num_captions) for chart in charts), spacing=30)
    heading = alt.TitleParams(displayed(title), fontSize=15, anchor="start", offset=14)
    write_chart(panels.properties(title=heading), path)


def write_overlaid_curves(curves: Sequence[tuple[str, History]], path: Path) -> None:
    """Draw accuracy and loss of several runs in one image and write it as PNG.

    Args:
        curves: name and history of each run; runs of the same name share a colour.
        path: replaced atomically.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The curve image")
    # The renderer ends the whole process at a control character.
    curves = [(displayed(name), history) for name, history in curves]
    names = list(dict.fromkeys(name for name, _ in curves))
    palette = [_RUN_COLORS[k % len(_RUN_COLORS)] for k in range(len(names))]
    colors = alt.Scale(domain=names, range=palette)
    panels = (_overlaid_panel(alt, curves, metric, colors) for metric in ("accuracy", "loss"))
    write_chart(alt.hconcat(*panels, spacing=30), path)


def _panel(alt: Any, chart: EpochChart, num_captions: int) -> Any:
    """Draw one metric, with as many lines of captions as its neighbour, so that plots align."""
    blank = [" "] * (num_captions - len(chart.captions))
    title = alt.TitleParams(
        chart.title,
        subtitle=[*chart.captions, *blank],
        anchor="start",
        fontSize=13,
        offset=20,
        subtitleColor=_COLORS.faint,
    )
    layers = alt.layer(*chart.layers(alt, _COLORS))
    return layers.properties(width=WIDTH, height=HEIGHT, title=title)


def _overlaid_panel(
    alt: Any, curves: Sequence[tuple[str, History]], metric: str, colors: Any
) -> Any:
    """Draw one metric: for each run, validation as a solid line and training dashed."""
    rows = [
        {"run": name, "number": number, **row}
        for number, (name, history) in enumerate(curves)
        for row in epoch_rows(history, metric)
    ]
    dashes = alt.Scale(domain=["validation", "training"], range=[[1, 0], [5, 4]])
    base = alt.Chart(alt.InlineData(rows)).encode(
        epoch_axis(alt, 1, max(row["epoch"] for row in rows)),
        alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        alt.Color("run:N", title=None, scale=colors),
        alt.Detail(["number:N", "part:N"]),
    )
    base = base.transform_fold(["validation", "training"], ["part", "value"])
    lines = base.mark_line(strokeWidth=2).encode(alt.StrokeDash("part:N", title=None, scale=dashes))
    marks = base.mark_point(filled=True, size=24)  # a single epoch has no line
    return alt.layer(lines, marks).properties(width=WIDTH, height=HEIGHT, title=metric.capitalize())
