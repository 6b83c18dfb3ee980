"""The training curves of several runs in one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearsight.report.chart_file import HEIGHT, WIDTH, imported_altair, write_chart
from clearsight.training.history import History

# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: told apart also by colour-blind readers.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def write_overlaid_curves(curves: Sequence[tuple[str, History]], path: Path) -> None:
    """Draw accuracy and loss of several runs over each other and write them as PNG.

    Args:
        curves: name and history of each run; runs of the same name share a colour.
        path: replaced whole.

    Raises:
        MissingExtraError: when altair or vl-convert is not installed.
    """
    alt = imported_altair()
    names = list(dict.fromkeys(name for name, _ in curves))
    colors = alt.Scale(domain=names, range=[_COLORS[k % len(_COLORS)] for k in range(len(names))])
    panels = (_panel(alt, curves, measure, colors) for measure in ("accuracy", "loss"))
    write_chart(alt.hconcat(*panels, spacing=30), path)


def _panel(alt: Any, curves: Sequence[tuple[str, History]], measure: str, colors: Any) -> Any:
    """Draw one measure: for each run validation as a line and training dashed."""
    rows = [
        {
            "run": name,
            "line": f"{position} {part}",
            "part": part,
            "epoch": epoch.epoch,
            "value": getattr(epoch, field),
        }
        for position, (name, history) in enumerate(curves)
        for part, field in (("validation", f"val_{measure}"), ("training", measure))
        for epoch in history
    ]
    last = max(row["epoch"] for row in rows)
    ticks = alt.Axis(tickMinStep=1, tickCount=min(last, 10), format="d", grid=False)
    parts = alt.Scale(domain=["validation", "training"], range=[[1, 0], [5, 4]])
    base = alt.Chart(alt.InlineData(rows)).encode(
        alt.X("epoch:Q", title="Epoch", axis=ticks, scale=alt.Scale(domain=[0.5, last + 0.5])),
        alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        alt.Color("run:N", title=None, scale=colors),
        alt.Detail("line:N"),
    )
    lines = base.mark_line(strokeWidth=2).encode(alt.StrokeDash("part:N", title=None, scale=parts))
    marks = base.mark_point(filled=True, size=24)  # a single epoch has no line
    return alt.layer(lines, marks).properties(
        width=WIDTH, height=HEIGHT, title=measure.capitalize()
    )
