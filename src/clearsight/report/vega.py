"""The program that draws the charts of a page: Vega, Vega-Lite and Vega-Embed."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version

from clearsight.errors import MissingExtraError, OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.cache_folder import cache_folder

_NEEDED = "window.vegaEmbed = vegaEmbed;"


def vega_program() -> str:
    """Return one JavaScript program that loads nothing and sets ``window.vegaEmbed``.

    Putting it together takes 1.5 seconds, so that it is kept.

    Raises:
        MissingExtraError: when altair or vl-convert is not installed.
    """
    try:
        import altair
        import vl_convert
    except ImportError as error:
        raise MissingExtraError("The report", extra="report") from error
    vega_lite = ".".join(altair.SCHEMA_VERSION.split(".")[:2])
    kept = cache_folder("vega") / f"vega-{version('vl-convert-python')}-{vega_lite}.js"
    with suppress(OSError, UnicodeDecodeError):
        return kept.read_text("utf-8")
    program = vl_convert.javascript_bundle(_NEEDED, vega_lite)
    with suppress(OutputError), write_atomically(kept) as temporary:
        temporary.write_text(program, "utf-8")
    return program
