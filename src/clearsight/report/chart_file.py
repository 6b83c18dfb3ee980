"""What Altair charts have in common: the import, colours, the axis of epochs, PNG and SVG."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.errors import needs_extra
from clearsight.io.atomic import write_atomically
from clearsight.training.history import History

WIDTH, HEIGHT = 380, 260  # of one panel, in points
_SCALE = 2.0  # pixels per point


@dataclass(frozen=True)
class Ink:
    """The colours of a chart, as CSS writes them.

    Attributes:
        training: of what belongs to training images.
        validation: of what belongs to validation images.
        text: of titles.
        faint: of subtitles and labels of axes.
        line: of axes and grids.
        background: behind it all.
    """

    training: str
    validation: str
    text: str
    faint: str
    line: str
    background: str


ON_WHITE = Ink("#1a66a8", "#b34700", "#1f2328", "#5c636b", "#ddd", "white")
# CSS variables work in an SVG, so it follows the theme of the page or notebook around it.
IN_THEME = Ink(
    "var(--training)", "var(--validation)", "var(--ink)", "var(--faint)", "var(--line)",
    "transparent",
)  # fmt: skip


def import_altair(needed_by: str) -> Any:
    """Return the module altair.

    Args:
        needed_by: what needs it, for the error message, such as "The report".

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    with needs_extra(needed_by, "report"):
        import altair as alt
        import vl_convert  # noqa: F401 - renders the charts
    return alt


def epoch_rows(history: History, metric: str) -> list[dict[str, float]]:
    """Return a metric ("accuracy" or "loss") of each epoch, for training and validation."""
    return [
        {
            "epoch": row.epoch,
            "training": getattr(row, metric),
            "validation": getattr(row, f"val_{metric}"),
        }
        for row in history
    ]


def epoch_axis(alt: Any, first: int, last: int, field: str = "epoch") -> Any:
    """Return the horizontal axis of a chart over epochs, encoding a field of its data."""
    return alt.X(
        f"{field}:Q",
        title="Epoch",
        axis=alt.Axis(tickMinStep=1, tickCount=min(last - first + 1, 10), format="d", grid=False),
        # Half an epoch of space on each side keeps marks and labels off the axes.
        scale=alt.Scale(domain=[first - 0.5, last + 0.5], nice=False),
    )


def start_drawing() -> None:
    """Start the chart renderer in a thread, so that `write_chart` need not wait for it.

    The first chart of a process takes 0.4 s of a core, most of it without holding Python's lock;
    later charts take 0.03 s. While Keras is being imported, a second core is idle. The process
    waits for the thread when it exits, because killing it within the renderer's code aborts.
    """

    def draw_nothing() -> None:
        with suppress(ImportError):  # `import_altair` reports it when a chart is drawn
            import vl_convert

            empty: Any = {"mark": "point", "data": {"values": []}}
            vl_convert.vegalite_to_png(empty)

    threading.Thread(target=draw_nothing, name="chart starter").start()


def write_chart(chart: Any, path: Path) -> None:
    """Draw a chart on white and write it as PNG, replacing `path` atomically."""
    import vl_convert

    png = vl_convert.vegalite_to_png(_inked(chart, ON_WHITE, 18), scale=_SCALE)
    with write_atomically(path) as temporary:
        temporary.write_bytes(png)


def chart_svg(chart: Any) -> str:
    """Draw a chart in the colours of `IN_THEME` and return it as an SVG element."""
    import vl_convert

    return vl_convert.vegalite_to_svg(_inked(chart, IN_THEME, 4))


def _inked(chart: Any, ink: Ink, padding: int) -> dict[str, Any]:
    return (
        chart.configure(background=ink.background, padding=padding)  # first: it clears the others
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=ink.line,
            domainColor=ink.line,
            tickColor=ink.line,
            labelColor=ink.faint,
            titleColor=ink.text,
            labelFontSize=11,
            titleFontSize=12,
        )
        .configure_legend(labelColor=ink.text, titleColor=ink.text)
        .configure_title(color=ink.text, subtitleColor=ink.faint)
        .to_dict()
    )
