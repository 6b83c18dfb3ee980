"""Rendering a page's template, with everything in it escaped and numbers formatted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clearsight.display.thumbnail import thumbnail
from clearsight.errors import needs_extra
from clearsight.evaluation.intervals.interval import Interval
from clearsight.io.atomic import write_atomically
from clearsight.models.table import format_bytes, format_shape


def percent(fraction: float | None) -> str:
    """Return "88.9%", or a dash if the fraction is undefined."""
    return "–" if fraction is None else f"{100 * fraction:.1f}%"


def interval_in_percent(interval: Interval | None) -> str:
    """Return "87.7 to 90.0%", or "undefined"."""
    return (
        "undefined" if interval is None else f"{100 * interval.low:.1f} to {percent(interval.high)}"
    )


def signed(value: float) -> str:
    """Return a number with four decimals and a proper minus sign."""
    return f"{value:.4f}".replace("-", "−")


_FILTERS = {
    "percent": percent,
    "interval": interval_in_percent,
    "signed": signed,
    "shape": format_shape,
    "size": format_bytes,
    "as_thumbnail": thumbnail,
}


def write_page(
    template: str, path: Path, *, trusted: Mapping[str, str] | None = None, **values: Any
) -> None:
    """Render a template of ``templates/`` and write the page, replacing `path` atomically.

    All text is escaped by Jinja2, because file and class names may contain anything.

    Args:
        template: its file name.
        path: of the page.
        trusted: values that are inserted without escaping.
        **values: all others.

    Raises:
        MissingExtraError: if jinja2 is not installed.
        OutputError: if the page cannot be written.
    """
    with needs_extra("The page", "report"):
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    environment = Environment(
        loader=PackageLoader("clearsight.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= _FILTERS
    values |= {name: Markup(text) for name, text in (trusted or {}).items()}
    text = environment.get_template(template).render(**values)
    with write_atomically(path) as temporary:
        # File names may hold bytes that are not valid text.
        temporary.write_text(text, encoding="utf-8", errors="replace")
