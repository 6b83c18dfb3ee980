"""The JavaScript that draws a page's charts: Vega, Vega-Lite and Vega-Embed."""

from contextlib import suppress
from importlib.metadata import version

from clearsight.errors import DataError, OutputError
from clearsight.io.cache_folder import cache_folder
from clearsight.io.checked_file import read_checked, write_checked
from clearsight.report.chart_file import import_altair

_ENTRY_POINT = "window.vegaEmbed = vegaEmbed;"


def vega_script() -> str:
    """Return one script that loads nothing and sets ``window.vegaEmbed``.

    Bundling takes 1.5 seconds, so the result is cached; if that is damaged, it is done again.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    altair = import_altair("The report")
    import vl_convert

    vega_lite = ".".join(altair.SCHEMA_VERSION.split(".")[:2])
    cached = cache_folder("vega") / f"vega-{version('vl-convert-python')}-{vega_lite}.js"
    with suppress(DataError):
        content = read_checked(cached)
        if content is not None:
            return content.decode()
    script = vl_convert.javascript_bundle(_ENTRY_POINT, vega_lite)
    with suppress(OutputError):
        write_checked(cached, script.encode())
    return script
