"""Interactive charts as Vega-Lite specifications, in the page's own colours, light or dark."""

import math
from collections.abc import Sequence
from typing import Any

from clearsight.evaluation.scores.calibration import ReliabilityBin
from clearsight.report.chart_file import epoch_axis, epoch_rows, import_altair
from clearsight.training.history import History

_HEIGHT = 240  # pixels; the width is the page's
_MOST_MARKS = 40  # epochs up to which each has a mark
# The page's CSS variables work in SVG, so charts follow the theme and print without redrawing.
_TRAINING, _VALIDATION = "var(--training)", "var(--validation)"
_INK, _FAINT, _LINE = "var(--ink)", "var(--faint)", "var(--line)"
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'


def epoch_chart(history: History, metric: str) -> dict[str, Any]:
    """Draw a metric over the epochs, for training and validation, with values on hover.

    Args:
        history: at least one epoch.
        metric: "accuracy" or "loss".

    Returns:
        A Vega-Lite specification with its data.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The report")
    # JSON cannot represent NaN and infinity.
    rows = [
        {name: value if math.isfinite(value) else None for name, value in row.items()}
        for row in epoch_rows(history, metric)
    ]
    value = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    color = alt.Color(
        "part:N",
        scale=alt.Scale(domain=["training", "validation"], range=[_TRAINING, _VALIDATION]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3),
    )
    wide = alt.Chart(alt.InlineData(rows)).encode(
        epoch_axis(alt, history[0].epoch, history[-1].epoch)
    )
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
    return _specification(
        alt.layer(*layers),
        f"{metric.capitalize()} over {len(rows)} epochs, for training and validation images; the "
        "table below has the numbers.",
    )


def reliability_chart(bins: Sequence[ReliabilityBin]) -> dict[str, Any]:
    """Draw accuracy against confidence, with 95% intervals.

    Args:
        bins: those without images are left out.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The report")
    values = [
        {
            "confidence": row.mean_confidence,
            "accuracy": row.accuracy,
            "low": row.interval.low,
            "high": row.interval.high,
            "images": row.num_images,
        }
        for row in bins
        if row.interval is not None
    ]
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
    x = alt.X("confidence:Q", title="confidence", scale=scale, axis=axis)
    y = alt.Y("accuracy:Q", title="accuracy", scale=scale, axis=axis)
    ends = [{"confidence": 0, "accuracy": 0}, {"confidence": 1, "accuracy": 1}]
    diagonal = alt.Chart(alt.InlineData(ends)).mark_line(color=_FAINT, strokeDash=[5, 4])
    points = alt.Chart(alt.InlineData(values)).encode(x)
    tooltip = [
        alt.Tooltip("confidence:Q", format=".1%"),
        alt.Tooltip("accuracy:Q", format=".1%"),
        alt.Tooltip("images:Q", format=","),
    ]
    size = alt.Size("images:Q", legend=None, scale=alt.Scale(range=[40, 320]))
    return _specification(
        alt.layer(
            diagonal.encode(x, y),
            points.mark_rule(color=_TRAINING, strokeWidth=1.4).encode(
                alt.Y("low:Q", scale=scale, axis=axis), alt.Y2("high:Q")
            ),
            points.mark_point(color=_TRAINING, filled=True, opacity=1).encode(
                y, size, tooltip=tooltip
            ),
        ),
        "Accuracy against confidence; the table has the numbers.",
    )


def _specification(chart: Any, description: str) -> dict[str, Any]:
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
