"""Training curves as PNG or SVG: one run with its gap shaded, or several runs in one image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearsight.evaluation.curve.gap import Gap
from clearsight.evaluation.curve.reading import CurveReading
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
from clearsight.training.history import History

_LABEL_HEIGHT = 15  # points
_SPACING = 30  # points between panels
# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: distinguishable for colour-blind readers.
_RUN_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def write_curves(history: History, reading: CurveReading, title: str, path: Path) -> None:
    """Draw the training curve and write it as PNG, replacing `path` atomically.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The curve image")
    heading = alt.TitleParams(displayed(title), fontSize=15, anchor="start", offset=14)
    panels = alt.hconcat(*curve_panels(history, reading, ON_WHITE), spacing=_SPACING)
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


def curve_panels(history: History, reading: CurveReading, ink: Ink) -> list[Any]:
    """Draw accuracy and loss of one run, a chart each.

    Args:
        history: at least one epoch.
        reading: of the history.
        ink: the colours.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    alt = import_altair("The curve image")
    gap = reading.gap if reading.gap.is_of_weights else None
    return [
        _panel(alt, history, "accuracy", gap, reading.best_epoch, ink),
        _panel(alt, history, "loss", None, reading.lowest_val_loss_epoch, ink),
    ]


def _panel(
    alt: Any, history: History, metric: str, gap: Gap | None, best_epoch: int, ink: Ink
) -> Any:
    """Draw one metric: two lines with marks, the gap between them, and the best epoch.

    Of accuracy, also the gap after the last epoch, with the training accuracy that it is of.
    """
    rows = epoch_rows(history, metric)
    last = rows[-1]
    epoch = epoch_axis(alt, history[0].epoch, history[-1].epoch)
    low, high = _range(rows)
    if gap is not None:
        low, high = min(low, gap.train), max(high, gap.train)
    margin = 0.05 * (high - low)

    def y(field: str) -> Any:
        domain = alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)
        return alt.Y(f"{field}:Q", title=None, scale=domain)

    base = alt.Chart(alt.InlineData(rows)).encode(epoch)
    layers = [
        base.mark_area(color="#888", opacity=0.16).encode(y("training"), alt.Y2("validation:Q"))
    ]
    end = alt.Chart(alt.InlineData([last])).encode(epoch)
    for field, color, shift in zip(
        ("training", "validation"),
        (ink.training, ink.validation),
        _label_shifts(rows),
        strict=True,
    ):
        layers.append(base.mark_line(color=color, strokeWidth=2.2).encode(y(field)))
        layers.append(base.mark_point(color=color, filled=True, size=28).encode(y(field)))
        label = end.encode(y(field)).mark_text(
            text=f"{field} {last[field]:.3f}",
            color=color,
            fontSize=11.5,
            baseline="middle",
            align="left",
            dx=10,
            dy=shift,
        )
        layers.append(label)
    best_row = next(row for row in rows if row["epoch"] == best_epoch)
    best = alt.Chart(alt.InlineData([best_row])).encode(epoch, y("validation"))
    layers.append(best.mark_point(color=ink.validation, size=150, strokeWidth=1.6))
    explained = [
        "shaded: the gap between training (mean over an epoch) and validation",
        f"circled: the best validation {metric}, epoch {best_epoch}",
    ]
    if gap is not None:
        end = alt.Chart(alt.InlineData([{**last, "training": gap.train}])).encode(epoch)
        diamond = end.mark_point(color=ink.training, shape="diamond", size=120, strokeWidth=1.6)
        layers.append(diamond.encode(y("training")))
        explained += [
            f"diamond: training accuracy after the last epoch, {gap.train:.3f},",
            f"which is {100 * gap.value:+.1f} points from validation",
        ]
    title = alt.TitleParams(
        metric.capitalize(),
        subtitle=explained,
        anchor="start",
        fontSize=13,
    )
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)


def _label_shifts(rows: list[dict[str, float]]) -> tuple[float, float]:
    """Return by how many points to move the two labels at the end so that they do not overlap."""
    low, high = _range(rows)
    training, validation = rows[-1]["training"], rows[-1]["validation"]
    # Negative is up on the screen.
    distance = (validation - training) / (high - low) * HEIGHT
    missing = max(_LABEL_HEIGHT - abs(distance), 0) / 2
    return (missing, -missing) if distance > 0 else (-missing, missing)


def _range(rows: list[dict[str, float]]) -> tuple[float, float]:
    values = [row[field] for row in rows for field in ("training", "validation")]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


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
