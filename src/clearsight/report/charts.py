"""Interactive charts as Vega-Lite, in the page's own colours, light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from clearsight.errors import MissingExtraError
from clearsight.evaluation.scores.calibration import ReliabilityBin
from clearsight.training.history import History

_HEIGHT = 240  # pixels; the width is the page's
_MOST_MARKS = 40  # epochs up to which each has a mark
# Names of the page's CSS colours: SVG takes them as they are, so that a change of theme and
# printing need no second drawing.
_TRAINING, _VALIDATION = "var(--training)", "var(--validation)"
_INK, _FAINT, _LINE = "var(--ink)", "var(--faint)", "var(--line)"
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'


def epoch_chart(history: History, name: str) -> dict[str, Any]:
    """Draw one measure over the epochs: training and validation, each epoch's values on hovering.

    Args:
        history: at least one epoch.
        name: "accuracy" or "loss".

    Returns:
        A Vega-Lite specification without data from elsewhere.

    Raises:
        MissingExtraError: when altair is not installed.
    """
    alt = _altair()
    rows = [
        {
            "epoch": row.epoch,
            "training": _finite(getattr(row, name)),
            "validation": _finite(getattr(row, f"val_{name}")),
        }
        for row in history
    ]
    span = [rows[0]["epoch"] - 0.5, rows[-1]["epoch"] + 0.5]
    axis = alt.Axis(tickMinStep=1, tickCount=min(len(rows), 10), format="d", grid=False)
    epoch = alt.X("epoch:Q", title="epoch", axis=axis, scale=alt.Scale(domain=span, nice=False))
    value = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    color = alt.Color(
        "part:N",
        scale=alt.Scale(domain=["training", "validation"], range=[_TRAINING, _VALIDATION]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3),
    )
    wide = alt.Chart(alt.InlineData(rows)).encode(epoch)
    lines = wide.transform_fold(["training", "validation"], ["part", "value"]).encode(value, color)
    hover = alt.selection_point(
        fields=["epoch"], nearest=True, on="pointerover", clear="pointerout", empty=False
    )
    marks = 28 if len(rows) <= _MOST_MARKS else 0
    layers = [
        lines.mark_line(strokeWidth=2.2),
        lines.mark_point(filled=True, opacity=1).encode(
            size=alt.condition(hover, alt.value(80), alt.value(marks))
        ),
        wide.mark_rule(color=_FAINT)
        .encode(
            opacity=alt.condition(hover, alt.value(0.7), alt.value(0)),
            tooltip=[
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("training:Q", format=".4f"),
                alt.Tooltip("validation:Q", format=".4f"),
            ],
        )
        .add_params(hover),
    ]
    return _finished(
        alt.layer(*layers),
        f"{name.capitalize()} over {len(rows)} epochs, for training and validation images; the "
        "table below has the numbers.",
    )


def reliability_chart(bins: Sequence[ReliabilityBin]) -> dict[str, Any]:
    """Draw how often the network was right against how sure it was, with 95% intervals.

    Args:
        bins: those without images are left out.

    Raises:
        MissingExtraError: when altair is not installed.
    """
    alt = _altair()
    values = [
        {
            "confidence": row.mean_confidence,
            "right": row.accuracy,
            "low": row.interval.low,
            "high": row.interval.high,
            "images": row.num_images,
        }
        for row in bins
        if row.interval is not None
    ]
    share = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    x = alt.X("confidence:Q", title="how sure it was", scale=share, axis=axis)
    y = alt.Y("right:Q", title="how often it was right", scale=share, axis=axis)
    ends = [{"confidence": 0, "right": 0}, {"confidence": 1, "right": 1}]
    diagonal = alt.Chart(alt.InlineData(ends)).mark_line(color=_FAINT, strokeDash=[5, 4])
    measured = alt.Chart(alt.InlineData(values)).encode(x)
    tooltip = [
        alt.Tooltip("confidence:Q", format=".1%", title="sure"),
        alt.Tooltip("right:Q", format=".1%", title="right"),
        alt.Tooltip("images:Q", format=","),
    ]
    size = alt.Size("images:Q", legend=None, scale=alt.Scale(range=[40, 320]))
    return _finished(
        alt.layer(
            diagonal.encode(x, y),
            measured.mark_rule(color=_TRAINING, strokeWidth=1.4).encode(
                alt.Y("low:Q", scale=share, axis=axis), alt.Y2("high:Q")
            ),
            measured.mark_point(color=_TRAINING, filled=True, opacity=1).encode(
                y, size, tooltip=tooltip
            ),
        ),
        "How often the network was right against how sure it was; the table has the numbers.",
    )


def _altair() -> Any:
    try:
        import altair
    except ImportError as error:
        raise MissingExtraError("The report", extra="report") from error
    return altair


def _finished(chart: Any, description: str) -> dict[str, Any]:
    return (
        chart.properties(width="container", height=_HEIGHT, description=description)
        .configure(background="transparent", font=_FONT, padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_FAINT,
            titleColor=_INK,
            titleFontWeight="normal",
            gridColor=_LINE,
            domainColor=_LINE,
            tickColor=_LINE,
            labelFontSize=12,
            titleFontSize=12,
        )
        .configure_legend(labelColor=_INK, labelFontSize=13)
        .to_dict()
    )


def _finite(value: float) -> float | None:
    """JSON has no word for what is no number."""
    return value if math.isfinite(value) else None
