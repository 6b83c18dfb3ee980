"""Charts of altair as PNG files, all of one look."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from clearsight.errors import MissingExtraError
from clearsight.io.atomic import write_atomically

WIDTH, HEIGHT = 380, 260  # of one panel, in points
_SCALE = 2.0  # pixels a point


def imported_altair() -> Any:
    """Return the module altair.

    Raises:
        MissingExtraError: when altair or vl-convert is not installed.
    """
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - what `write_chart` needs
    except ImportError as error:
        raise MissingExtraError("The curve image", extra="report") from error
    return alt


def start_drawing() -> None:
    """Start what draws charts, in a thread, so that `write_chart` need not wait for it.

    The first chart of a process costs 0.4 s of a core, most of it outside Python's lock, where a
    later one costs 0.03 s. While Keras is imported a second core has nothing else to do. The thread
    is waited for when the process ends: one killed within the drawing program's code aborts.
    """

    def draw_nothing() -> None:
        with suppress(ImportError):  # `imported_altair` says so where a chart is wanted
            import vl_convert

            empty: Any = {"mark": "point", "data": {"values": []}}
            vl_convert.vegalite_to_png(empty)

    threading.Thread(target=draw_nothing, name="chart starter").start()


def write_chart(chart: Any, path: Path) -> None:
    """Draw a chart on white and write it as PNG, replacing `path` whole."""
    import vl_convert

    chart = (
        chart.configure_view(stroke=None)
        .configure_axis(gridColor="#e8e8e8", domainColor="#999", labelFontSize=11, titleFontSize=12)
        .configure(background="white", padding=18)
    )
    png = vl_convert.vegalite_to_png(chart.to_dict(), scale=_SCALE)
    with write_atomically(path) as temporary:
        temporary.write_bytes(png)
