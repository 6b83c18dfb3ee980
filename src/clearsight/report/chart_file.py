"""Charts of altair as PNG files, all of one look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clearsight.data.atomic import placed_atomically
from clearsight.errors import MissingExtraError

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
        raise MissingExtraError("The curve picture", extra="report") from error
    return alt


def write_chart(chart: Any, path: Path) -> None:
    """Draw a chart on white and write it as PNG, replacing `path` whole."""
    import vl_convert

    chart = (
        chart.configure_view(stroke=None)
        .configure_axis(gridColor="#e8e8e8", domainColor="#999", labelFontSize=11, titleFontSize=12)
        .configure(background="white", padding=18)
    )
    png = vl_convert.vegalite_to_png(chart.to_dict(), scale=_SCALE)
    with placed_atomically(path) as temporary:
        temporary.write_bytes(png)
