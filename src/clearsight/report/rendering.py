"""Rendering a page's template, with everything in it escaped and numbers formatted."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from clearsight.display.html import unbroken_options
from clearsight.display.thumbnail import thumbnail
from clearsight.errors import needs_extra
from clearsight.evaluation.intervals.interval import Interval
from clearsight.io.atomic import write_atomically
from clearsight.models.table import format_bytes, format_shape, signed


def percent(fraction: float | None) -> str:
    """Return "88.9%", or a dash if the fraction is undefined."""
    return "–" if fraction is None else f"{100 * fraction:.1f}%"


def interval_in_percent(interval: Interval | None) -> str:
    """Return "87.7 to 90.0%", or "undefined"."""
    return (
        "undefined" if interval is None else f"{100 * interval.low:.1f} to {percent(interval.high)}"
    )


def breakable(name: str) -> str:
    """Return a path, escaped, that is broken at its separators where it needs several lines."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"[/_-](?=.)", r"\g<0><wbr>", str(escape(name))))


def command(text: str) -> str:
    """Return a command, escaped, of which no option is broken."""
    from markupsafe import Markup, escape

    return Markup(unbroken_options(str(escape(text))))


_FILTERS = {
    "command": command,
    "breakable": breakable,
    "percent": percent,
    "interval": interval_in_percent,
    "signed": signed,
    "shape": format_shape,
    "size": format_bytes,
    "as_thumbnail": thumbnail,
}


def write_page(
    template: str,
    path: Path,
    *,
    scripts: Sequence[str],
    trusted: Mapping[str, str] | None = None,
    **values: Any,
) -> None:
    """Render a template of ``templates/`` and write the page, replacing `path` atomically.

    All text is escaped by Jinja2, because file and class names may contain anything. The page's
    Content-Security-Policy blocks everything from being loaded, and all scripts but its own.

    Args:
        template: its file name.
        path: of the page.
        scripts: JavaScript that the page contains.
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
    sources = [_escape_script(script) for script in scripts]
    values["script_hashes"] = " ".join(f"'sha256-{_digest(source)}'" for source in sources)
    values["scripts"] = [Markup(source) for source in sources]
    values |= {name: Markup(text) for name, text in (trusted or {}).items()}
    text = environment.get_template(template).render(**values)
    with write_atomically(path) as temporary:
        # File names may hold bytes that are not valid text.
        temporary.write_text(text, encoding="utf-8", errors="replace")


def page_script(*names: str) -> str:
    """Return files of ``templates/`` as one script."""
    templates = files("clearsight.report") / "templates"
    return "\n".join((templates / name).read_text("utf-8") for name in names)


def _escape_script(script: str) -> str:
    """Return a script without anything that would end the element that contains it."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--").replace("\r\n", "\n")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
