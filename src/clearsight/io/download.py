"""Downloading one file over HTTP, with a progress bar on a terminal."""

import logging
import sys
from contextlib import ExitStack
from pathlib import Path

from clearsight.errors import DataError
from clearsight.io.phases import cleared_line

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60

_log = logging.getLogger(__name__)


def download(url: str, folder: Path, max_bytes: int) -> Path:
    """Download `url` into a folder and return the file's path there.

    The caller checks its content.

    Raises:
        DataError: when that fails or the file is larger, with the reason in a few words.
    """
    import pooch
    import requests

    _log.info("downloading %s ...", url)
    path = folder / url.rsplit("/", 1)[-1]
    bar = _ProgressBar(max_bytes)
    # Not pooch.retrieve: it prints to stderr, and mirrors compress the same content differently,
    # so that no hash of the compressed file is known.
    fetch = pooch.HTTPDownloader(
        progressbar=bar,  # pyright: ignore[reportArgumentType] - any object of this shape will do
        timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
    )
    try:
        fetch(url, str(path), None)
    except requests.HTTPError as error:
        answer = error.response.status_code if error.response is not None else "an error"
        raise DataError(f"the server answered {answer}") from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise DataError("no connection or it broke off") from error
    finally:
        bar.close()
    return path


class _ProgressBar:
    """The progress bar that pooch drives, drawn by rich if progress is logged to a terminal.

    It also ends a download that is too large, because pooch has no such limit.
    """

    total: int | None = None  # bytes, set by pooch

    def __init__(self, max_bytes: int) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        from clearsight.io.console import TextConsole

        self._progress = Progress(
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=TextConsole(stderr=True),
            disable=not (sys.stderr.isatty() and _log.isEnabledFor(logging.INFO)),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._drawing = ExitStack()
        self._drawing.enter_context(cleared_line())
        self._drawing.enter_context(self._progress)

    def update(self, size_bytes: int) -> None:
        # Called after each piece, so that a server's file cannot fill the disk.
        self._num_bytes += size_bytes
        if self._num_bytes > self._max_bytes:
            raise DataError(f"the file has more than {self._max_bytes:,} bytes")
        self._progress.update(self._task, total=self.total, advance=size_bytes)

    def reset(self) -> None:
        self._num_bytes = 0
        self._progress.reset(self._task)

    def close(self) -> None:
        self._drawing.close()
