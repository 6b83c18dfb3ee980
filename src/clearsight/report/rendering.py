"""Filling in a page's template, everything in it escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clearsight.errors import MissingExtraError
from clearsight.io.atomic import write_atomically


def write_page(template: str, path: Path, **values: Any) -> None:
    """Fill in a template of ``templates/`` and write the page, replacing `path` whole.

    Every text goes through Jinja2's escaping, because file and class names may hold anything.

    Raises:
        MissingExtraError: when jinja2 is not installed.
        OutputError: when the page cannot be written.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("The page", extra="report") from error
    environment = Environment(
        loader=PackageLoader("clearsight.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(template).render(**values)
    with write_atomically(path) as temporary:
        # Names of files may hold bytes that are no text.
        temporary.write_text(text, encoding="utf-8", errors="replace")
