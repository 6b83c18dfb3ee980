"""The JavaScript that draws a page's charts: Vega, Vega-Lite and Vega-Embed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock

from clearsight.errors import DataError, OutputError
from clearsight.io.cache_folder import cache_folder
from clearsight.io.checked_file import read_checked, write_checked
from clearsight.report.chart_file import import_altair

_ENTRY_POINT = "window.vegaEmbed = vegaEmbed;"
_PROGRAM = "import os; os.nice(10) if hasattr(os, 'nice') else None; "
_PROGRAM += "from clearsight.report.vega import vega_script; vega_script()"


def vega_script() -> str:
    """Return one script that loads nothing and sets ``window.vegaEmbed``.

    Bundling takes 1.5 to 5 seconds, in which no other thread of the process runs, so the result is
    cached; if that is damaged, it is done again. Another process that does it is waited for.

    Raises:
        MissingExtraError: if altair or vl-convert is not installed.
    """
    altair = import_altair("The report")
    import vl_convert

    with _alone():
        script = _read_cached()
        if script is None:
            vega_lite = ".".join(altair.SCHEMA_VERSION.split(".")[:2])
            script = vl_convert.javascript_bundle(_ENTRY_POINT, vega_lite)
            with suppress(OutputError):
                write_checked(_cached_path(), script.encode())
        return script


@contextmanager
def vega_script_in_advance() -> Iterator[None]:
    """Cache what `vega_script` returns in a separate process, unless it is cached already.

    It has a low priority and is ended, if it is still at it, when the block is left; so nothing is
    left behind by a training that is interrupted.
    """
    process = None
    with suppress(PackageNotFoundError, OSError):  # without the extra, or where nothing starts
        if not _cached_path().exists():
            process = _start()
    try:
        yield
    finally:
        if process is not None:
            process.kill()
            process.wait()


def _start() -> subprocess.Popen[bytes]:
    search_path = [str(Path(__file__).parents[2])]
    search_path += filter(None, [os.environ.get("PYTHONPATH")])
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM],  # -P: the user's altair.py is not imported
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # `vega_script` reports what is wrong when it is needed
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
        start_new_session=True,  # Ctrl-C is for the parent process
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process bundles, unless that cannot be known."""
    with ExitStack() as stack:
        lock = _cached_path().with_suffix(".lock")
        with suppress(OSError, NotImplementedError):  # a cache that cannot be written, or locked
            lock.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(lock))
        yield


def _read_cached() -> str | None:
    with suppress(DataError):
        content = read_checked(_cached_path())
        return None if content is None else content.decode()
    return None


def _cached_path() -> Path:
    """Return where the script of the installed versions is cached.

    Raises:
        PackageNotFoundError: when one is not installed.
    """
    versions = f"{version('vl-convert-python')}-{version('altair')}"
    return cache_folder("vega") / f"vega-{versions}.js"
