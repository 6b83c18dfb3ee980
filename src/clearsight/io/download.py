"""Fetching one file over HTTP, with a progress bar where somebody is watching."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from clearsight.data.formats.idx import read_content
from clearsight.errors import DataError

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60


class _Bar:
    """The progress bar that pooch drives, drawn by rich on stderr."""

    def __init__(self, url: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        self._progress = Progress(
            "{task.description}",
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task(f"downloading {url}", total=None)
        self._progress.start()
        if self._progress.disable:
            print(f"downloading {url} ...", file=sys.stderr, flush=True)

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, size_bytes: float) -> None:
        self._progress.update(self._task, total=size_bytes)

    def update(self, size_bytes: int) -> None:
        """Advance by `size_bytes`."""
        self._progress.advance(self._task, size_bytes)

    def reset(self) -> None:
        """Begin again (pooch does so before it completes the bar)."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def download(url: str) -> bytes:
    """Return the decompressed content at `url`.

    Raises:
        DataError: when it cannot be had, with the reason in a few words.
    """
    with tempfile.TemporaryDirectory() as folder:
        return read_content(download_to(url, Path(folder)))


def download_to(url: str, folder: Path) -> Path:
    """Write what is at `url` into a folder, as it is, and return its path there.

    Raises:
        DataError: as `download`.
    """
    import pooch
    import requests

    path = folder / url.rsplit("/", 1)[-1]
    bar = _Bar(url)
    downloader = pooch.HTTPDownloader(
        progressbar=bar,  # pyright: ignore[reportArgumentType] - any object of this shape will do
        timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
    )
    try:
        downloader(url, str(path), None)
    except requests.HTTPError as error:
        answer = error.response.status_code if error.response is not None else "an error"
        raise DataError(f"the server answered {answer}") from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise DataError("no connection or it broke off") from error
    finally:
        bar.close()
    return path
