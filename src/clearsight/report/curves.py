"""``curves.png``: accuracy and loss over the epochs, with the gap shaded and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clearsight.evaluation.curve.reading import CurveReading
from clearsight.report.chart_file import HEIGHT, WIDTH, imported_altair, write_chart
from clearsight.training.history import History

_TRAINING, _VALIDATION = "#1f6fb4", "#d95f02"
_LABEL_HEIGHT = 15  # points


def write_curves(history: History, reading: CurveReading, title: str, path: Path) -> None:
    """Draw the training curve and write it as PNG, replacing `path` whole.

    Raises:
        MissingExtraError: when altair or vl-convert is not installed.
    """
    alt = imported_altair()
    loss_gap = history[-1].val_loss - history[-1].loss
    panels = alt.hconcat(
        _panel(alt, history, "accuracy", f"{100 * reading.gap:+.1f} points", reading.best_epoch),
        _panel(alt, history, "loss", f"{loss_gap:+.3f}", reading.lowest_val_loss_epoch),
        spacing=30,
    )
    heading = alt.TitleParams(title, fontSize=15, anchor="start", offset=14)
    write_chart(panels.properties(title=heading), path)


def _panel(alt: Any, history: History, name: str, gap: str, best_epoch: int) -> Any:
    """Draw one measure: two lines with marks, the gap between them, and the best epoch."""
    rows = [
        {
            "epoch": row.epoch,
            "training": getattr(row, name),
            "validation": getattr(row, f"val_{name}"),
        }
        for row in history
    ]
    last = rows[-1]
    # Half an epoch of room on each side keeps marks and labels off the axes.
    span = [rows[0]["epoch"] - 0.5, last["epoch"] + 0.5]
    axis = alt.Axis(tickMinStep=1, tickCount=min(len(rows), 10), format="d", grid=False)
    epoch = alt.X("epoch:Q", title="Epoch", axis=axis, scale=alt.Scale(domain=span, nice=False))

    low, high = _range(rows)
    room = 0.05 * (high - low)

    def y(field: str) -> Any:
        domain = alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
        return alt.Y(f"{field}:Q", title=None, scale=domain)

    base = alt.Chart(alt.InlineData(rows)).encode(epoch)
    layers = [
        base.mark_area(color="#888", opacity=0.16).encode(y("training"), alt.Y2("validation:Q"))
    ]
    end = alt.Chart(alt.InlineData([last])).encode(epoch)
    for field, color, apart in zip(
        ("training", "validation"), (_TRAINING, _VALIDATION), _label_shifts(rows), strict=True
    ):
        layers.append(base.mark_line(color=color, strokeWidth=2.2).encode(y(field)))
        layers.append(base.mark_point(color=color, filled=True, size=28).encode(y(field)))
        label = f"{field} {last[field]:.3f}"
        layers.append(_text(end.encode(y(field)), label, color, dx=10, dy=apart, align="left"))
    best_row = next(row for row in rows if row["epoch"] == best_epoch)
    best = alt.Chart(alt.InlineData([best_row])).encode(epoch, y("validation"))
    layers.append(best.mark_point(color=_VALIDATION, size=150, strokeWidth=1.6))
    title = alt.TitleParams(
        name.capitalize(),
        subtitle=[
            f"shaded: the gap between training and validation, {gap} at the end",
            f"circled: the best validation {name}, epoch {best_epoch}",
        ],
        anchor="start",
        fontSize=13,
        subtitleColor="#666",
    )
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)


def _label_shifts(rows: list[dict[str, float]]) -> tuple[float, float]:
    """Move the two labels at the curve's end apart where they would overlap, in points."""
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


def _text(chart: Any, text: str, color: str, **where: Any) -> Any:
    return chart.mark_text(text=text, color=color, fontSize=11.5, baseline="middle", **where)
