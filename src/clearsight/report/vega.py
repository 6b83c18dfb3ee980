"""The JavaScript that draws a page's charts: Vega, Vega-Lite and Vega-Embed."""

from contextlib import suppress
from importlib.metadata import version

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.cache_folder import cache_folder
from clearsight.report.chart_file import import_altair

_ENTRY_POINT = "window.vegaEmbed = vegaEmbed;"


def vega_script() -> str:
    """Return one script that loads nothing and sets ``window.vegaEmbed``.

    Bundling takes 1.5 seconds, so the result is cached.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    altair = import_altair("The report")
    import vl_convert

    vega_lite = ".".join(altair.SCHEMA_VERSION.split(".")[:2])
    cached = cache_folder("vega") / f"vega-{version('vl-convert-python')}-{vega_lite}.js"
    with suppress(OSError, UnicodeDecodeError):
        return cached.read_text("utf-8")
    script = vl_convert.javascript_bundle(_ENTRY_POINT, vega_lite)
    with suppress(OutputError), write_atomically(cached) as temporary:
        temporary.write_text(script, "utf-8")
    return script
