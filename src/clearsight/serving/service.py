"""`Service`: what a server holds: models, replaced when their bundles change, and limits."""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from clearsight.bundle.bundle import Bundle
from clearsight.bundle.files import is_bundle
from clearsight.errors import ClearsightError
from clearsight.serving.http_error import HttpError, too_many_images
from clearsight.serving.metrics import Metrics
from clearsight.serving.named_bundle import NamedBundle, open_checked_bundle
from clearsight.serving.quota import Quota
from clearsight.serving.served_model import ServedModel
from clearsight.serving.settings import ServerSettings

_SECONDS_BETWEEN_CHECKS = 0.5
_log = logging.getLogger(__name__)

Fingerprint = tuple[tuple[str, int, int, int], ...]


class Service:
    """The state of a server, shared by its routes and its middleware.

    Only for the event loop's thread.

    Attributes:
        settings: of the server.
        metrics: of the server.
        models: the current model of each name.
        body_quota: the bytes of all request bodies in memory.
        is_draining: whether the server is about to stop. It still answers, closes each connection
            with its next response, and reports that it is not ready.
    """

    def __init__(self, settings: ServerSettings, bundles: tuple[NamedBundle, ...]) -> None:
        """Create a model for each bundle; see `start`."""
        self.settings = settings
        self.metrics = Metrics()
        self.body_quota = Quota(
            settings.max_bodies_bytes,
            "memory_full",
            "Too many large requests are being answered: try again in a second.",
        )
        self.is_draining = False
        # More threads than cores decode nothing faster, and large images take half a gigabyte.
        self._decoders = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decoder")
        self._paths = {each.name: each.path for each in bundles}
        self.models = {
            each.name: self._create(
                each.name,
                each.bundle,
                Quota(
                    settings.max_queue, "queue_full", "The queue is full: try again in a second."
                ),
            )
            for each in bundles
        }
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to answer and to watch the bundles, on the running event loop."""
        for model in self.models.values():
            model.start()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Answer all pending requests, then stop."""
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        await asyncio.gather(*(model.close() for model in self.models.values()), *self._closing)
        self._decoders.shutdown(wait=False)

    def find_model(self, name: str, version: str | None = None) -> ServedModel:
        """Return the current model of a name.

        Raises:
            HttpError: 404 if there is none, or it has another version.
        """
        model = self.models.get(name)
        if model is None or version not in (None, model.version):
            raise HttpError(
                404,
                "model_not_found",
                "There is no model of this name and version: /v1/models lists all models.",
            )
        return model

    def check_ready(self) -> None:
        """Raise HttpError 503 if the server is about to stop."""
        if self.is_draining:
            raise HttpError(503, "draining", "The server is about to stop: use another one.")

    def check_num_images(self, num_images: int) -> None:
        """Raise HttpError 413 if a request has too many images."""
        if num_images > self.settings.max_request_images:
            raise too_many_images(self.settings.max_request_images)

    def _create(self, name: str, bundle: Bundle, quota: Quota) -> ServedModel:
        return ServedModel(name, bundle, quota, self._decoders, self.settings, self.metrics)

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
        try:
            bundle = await asyncio.to_thread(
                open_checked_bundle, path, self.settings.network_threads
            )
        except ClearsightError as error:
            self.metrics.reloads.labels(name, "rejected").inc()
            _log.warning("%s: a new bundle was rejected, the old one stays: %s", name, error)
            return
        old = self.models[name]
        new = self._create(name, bundle, old.quota)
        if new.version == old.version:
            return
        new.start()
        self.models[name] = new
        self.metrics.reloads.labels(name, "loaded").inc()
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
