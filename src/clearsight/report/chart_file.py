"""What Altair charts have in common: the import, the axis of epochs, PNG files."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from clearsight.errors import needs_extra
from clearsight.io.atomic import write_atomically
from clearsight.training.history import History

WIDTH, HEIGHT = 380, 260  # of one panel, in points
_SCALE = 2.0  # pixels per point


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

    chart = (
        chart.configure_view(stroke=None)
        .configure_axis(gridColor="#e8e8e8", domainColor="#999", labelFontSize=11, titleFontSize=12)
        .configure(background="white", padding=18)
    )
    png = vl_convert.vegalite_to_png(chart.to_dict(), scale=_SCALE)
    with write_atomically(path) as temporary:
        temporary.write_bytes(png)
