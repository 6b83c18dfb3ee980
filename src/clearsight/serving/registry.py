"""`ModelRegistry`: the models of a server, each replaced when its bundle changes on disk."""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from clearsight.bundle.bundle import Bundle
from clearsight.bundle.files import is_bundle
from clearsight.errors import ClearsightError
from clearsight.serving.http_error import HttpError
from clearsight.serving.metrics import Metrics
from clearsight.serving.named_bundle import NamedBundle, open_checked_bundle
from clearsight.serving.quota import Quota
from clearsight.serving.served_model import ServedModel
from clearsight.serving.settings import ServerSettings

_SECONDS_BETWEEN_CHECKS = 0.5
_log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int, int], ...]


class ModelRegistry:
    """The models of a server. Only for the event loop's thread."""

    def __init__(
        self, bundles: tuple[NamedBundle, ...], settings: ServerSettings, metrics: Metrics
    ) -> None:
        """Create a model for each bundle; see `start`."""
        self._settings = settings
        self._metrics = metrics
        # More threads than cores decode nothing faster, and large images take half a gigabyte.
        self._decoders = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decoder")
        self._quotas = {
            each.name: Quota(
                settings.max_queue, "queue_full", "The queue is full: try again in a second."
            )
            for each in bundles
        }
        self._paths = {each.name: each.path for each in bundles}
        self._models = {each.name: self._create(each.name, each.bundle) for each in bundles}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """All models."""
        return tuple(self._models.values())

    def start(self) -> None:
        """Begin to answer and to watch the bundles, on the running event loop."""
        for model in self.models:
            model.start()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Answer all pending requests, then stop."""
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        await asyncio.gather(*(model.close() for model in self.models), *self._closing)
        self._decoders.shutdown(wait=False)

    def find(self, name: str, version: str | None = None) -> ServedModel:
        """Return the current model of a name.

        Raises:
            HttpError: 404 if there is none, or it has another version.
        """
        model = self._models.get(name)
        if model is None or version not in (None, model.version):
            raise HttpError(
                404,
                "model_not_found",
                "There is no model of this name and version: /v1/models lists all models.",
            )
        return model

    def _create(self, name: str, bundle: Bundle) -> ServedModel:
        quota = self._quotas[name]
        return ServedModel(name, bundle, quota, self._decoders, self._settings, self._metrics)

    async def _watch(self) -> None:
        """Reload each bundle that changes on disk.

        A change is loaded once two checks find the same, so that a copy is complete. A rejected
        bundle is loaded again when it changes again.
        """
        loaded = {name: fingerprint(path) for name, path in self._paths.items()}
        previous = dict(loaded)
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
            for name, path in self._paths.items():
                # In a thread, so that a disk that does not respond does not block requests.
                found = await asyncio.to_thread(fingerprint, path)
                is_complete = found == previous[name]
                previous[name] = found
                if found and is_complete and found != loaded[name]:
                    loaded[name] = found
                    await self._reload(name, path)

    async def _reload(self, name: str, path: Path) -> None:
        """Replace a model, which still answers its pending requests; keep it if loading fails."""
        num_threads = self._settings.network_threads
        try:
            bundle = await asyncio.to_thread(open_checked_bundle, path, num_threads)
        except ClearsightError as error:
            self._metrics.reloads.labels(name, "rejected").inc()
            _log.warning("%s: a new bundle was rejected, the old one stays: %s", name, error)
            return
        old, new = self._models[name], self._create(name, bundle)
        if new.version == old.version:
            return
        new.start()
        self._models[name] = new
        self._metrics.reloads.labels(name, "loaded").inc()
        _log.warning("%s: version %s was replaced by %s", name, old.version, new.version)
        closing = asyncio.create_task(old.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


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
