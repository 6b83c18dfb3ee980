"""Training curves as PNG or SVG: one run with its gap shaded, or several runs in one image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearsight.io.displayed_text import displayed
from clearsight.report.chart_file import (
    HEIGHT,
    ON_WHITE,
    WIDTH,
    Ink,
    epoch_axis,
    epoch_rows,
    import_altair,
    write_chart,
)
from clearsight.report.epoch_chart import CurveMarks, EpochChart
from clearsight.training.history import History

_SPACING = 30  # points between panels
# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: distinguishable for colour-blind readers.
_RUN_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def write_curves(history: History, marks: CurveMarks, title: str, path: Path) -> None:
    """Draw the training curve and write it as PNG, replacing `path` atomically.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The curve image")
    heading = alt.TitleParams(displayed(title), fontSize=15, anchor="start", offset=14)
    panels = alt.hconcat(*curve_panels(history, marks, ON_WHITE), spacing=_SPACING)
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
    write_chart(alt.hconcat(*overlaid_panels(curves), spacing=_SPACING), path)


def overlaid_panels(curves: Sequence[tuple[str, History]]) -> list[Any]:
    """Draw accuracy and loss of several runs, a chart each; see `write_overlaid_curves`."""
    alt = import_altair("The curve image")
    # The renderer ends the whole process at a control character.
    curves = [(displayed(name), history) for name, history in curves]
    names = list(dict.fromkeys(name for name, _ in curves))
    palette = [_RUN_COLORS[k % len(_RUN_COLORS)] for k in range(len(names))]
    colors = alt.Scale(domain=names, range=palette)
    return [_overlaid_panel(alt, curves, metric, colors) for metric in ("accuracy", "loss")]


def curve_panels(history: History, marks: CurveMarks, ink: Ink) -> list[Any]:
    """Draw accuracy and loss of one run, a chart each.

    Args:
        history: at least one epoch.
        marks: what is marked besides the lines.
        ink: the colours.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The curve image")
    charts = [EpochChart(history, metric, marks, HEIGHT) for metric in ("accuracy", "loss")]
    num_captions = max(len(chart.captions) for chart in charts)
    return [_panel(alt, chart, num_captions, ink) for chart in charts]


def _panel(alt: Any, chart: EpochChart, num_captions: int, ink: Ink) -> Any:
    """Draw one metric, with as many lines of captions as its neighbour, so that plots align."""
    blank = [" "] * (num_captions - len(chart.captions))
    title = alt.TitleParams(
        chart.title, subtitle=[*chart.captions, *blank], anchor="start", fontSize=13, offset=20
    )
    layers = alt.layer(*chart.layers(alt, ink))
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
    return alt.layer(lines, marks).properties(
        width=WIDTH,
        height=HEIGHT,
        title=alt.TitleParams(metric.capitalize(), anchor="start", fontSize=13),
    )
