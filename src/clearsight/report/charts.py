"""Interactive charts as Vega-Lite specifications, in the page's own colours, light or dark."""

from collections.abc import Sequence
from typing import Any

from clearsight.evaluation.scores.calibration import ReliabilityBin
from clearsight.report.chart_file import IN_THEME, import_altair
from clearsight.report.epoch_chart import EpochChart

CHART_HEIGHT = 240  # pixels; the width is the page's
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'


def epoch_chart(chart: EpochChart) -> dict[str, Any]:
    """Draw a metric over the epochs, with values on hover.

    Returns:
        A Vega-Lite specification with its data.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The report")
    layers = chart.layers(alt, IN_THEME) + chart.hover_layers(alt, IN_THEME)
    return _specification(
        alt.layer(*layers),
        f"{chart.title} over the epochs, for training and validation images; the table below has "
        "the numbers.",
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
    diagonal = alt.Chart(alt.InlineData(ends)).mark_line(color=IN_THEME.faint, strokeDash=[5, 4])
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
            points.mark_rule(color=IN_THEME.training, strokeWidth=1.4).encode(
                alt.Y("low:Q", scale=scale, axis=axis), alt.Y2("high:Q")
            ),
            points.mark_point(color=IN_THEME.training, filled=True, opacity=1).encode(
                y, size, tooltip=tooltip
            ),
        ),
        "Accuracy against confidence; the table has the numbers.",
    )


def _specification(chart: Any, description: str) -> dict[str, Any]:
    return (
        chart.properties(width="container", height=CHART_HEIGHT, description=description)
        .configure(background="transparent", font=_FONT, padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=IN_THEME.faint,
            titleColor=IN_THEME.text,
            titleFontWeight="normal",
            gridColor=IN_THEME.line,
            domainColor=IN_THEME.line,
            tickColor=IN_THEME.line,
            labelFontSize=12,
            titleFontSize=12,
        )
        .to_dict()
    )
