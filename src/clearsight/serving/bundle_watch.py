"""`BundleWatch`: notices when a served bundle changes on disk, and opens the new one."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from clearsight.bundle.bundle import Bundle
from clearsight.bundle.files import is_bundle
from clearsight.serving.daemon_thread import run_in_daemon_thread
from clearsight.serving.log_text import one_line
from clearsight.serving.named_bundle import open_checked_bundle

_SECONDS_BETWEEN_CHECKS = 0.5
_OPENING_SECONDS = 300.0  # 2 GiB from a slow disk, and the first predictions
_log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int, int], ...]


class BundleWatch:
    """Watches the path of one bundle; only for the event loop's thread.

    A change is opened once two checks find the same, so that a copy is complete. A bundle that
    cannot be opened and checked is rejected, for whatever reason, and opened again when it changes
    again. Nothing that a bundle or a disk does ends the watch.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        num_threads: int,
        on_opened: Callable[[Bundle], None],
        on_rejected: Callable[[], None],
    ) -> None:
        """Watch from now on; see `run`.

        Args:
            name: the model's name in requests.
            path: of the bundle.
            num_threads: processor threads of its network.
            on_opened: called with each new bundle.
            on_rejected: called for each one that cannot be opened.
        """
        self._name = name
        self._path = path
        self._num_threads = num_threads
        self._on_opened = on_opened
        self._on_rejected = on_rejected
        self._opened = self._previous = fingerprint(path)
        self._is_missing = False

    async def run(self) -> None:
        """Check from time to time, until cancelled."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
            try:
                await self._check()
            except Exception as error:
                _log.error("%s: the bundle was not checked: %s", self._name, one_line(error))

    async def _check(self) -> None:
        # In a thread, so that a disk that does not respond does not block requests.
        found = await run_in_daemon_thread(lambda: fingerprint(self._path))
        is_complete = found == self._previous
        self._previous = found
        if not is_complete:
            return
        if not found and not self._is_missing:
            _log.warning(
                "%s: there is no bundle at %s any more; the old one is served until the server "
                "stops or another one is there",
                self._name,
                self._path,
            )
        self._is_missing = not found
        if found and found != self._opened:
            self._opened = found
            await self._open()

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                bundle = await run_in_daemon_thread(
                    lambda: open_checked_bundle(self._path, self._num_threads)
                )
            self._on_opened(bundle)
        except TimeoutError:
            self._reject(f"it was not open after {_OPENING_SECONDS:g} seconds")
        except Exception as error:  # the runtimes' errors share no base class
            self._reject(one_line(error))

    def _reject(self, reason: str) -> None:
        self._on_rejected()
        _log.warning("%s: a new bundle was rejected, the old one stays: %s", self._name, reason)


def fingerprint(path: Path) -> Fingerprint:
    """Return names, sizes, times and inodes of a bundle's files; () while there is no bundle."""
    try:
        if not is_bundle(path):
            return ()
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        statuses = [(file.name, file.stat()) for file in files]
    except OSError:  # it is being replaced
        return ()
    return tuple((name, each.st_size, each.st_mtime_ns, each.st_ino) for name, each in statuses)
