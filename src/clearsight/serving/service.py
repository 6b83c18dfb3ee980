"""`Service`: what a server holds: models, replaced when their bundles change, and limits."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from clearsight.bundle.bundle import Bundle
from clearsight.io.machine import num_cores
from clearsight.serving.body_thread import BodyThread
from clearsight.serving.bundle_watch import BundleWatch
from clearsight.serving.http_error import HttpError, too_many_images
from clearsight.serving.metrics import Metrics
from clearsight.serving.named_bundle import NamedBundle
from clearsight.serving.quota import Quota
from clearsight.serving.served_model import ServedModel
from clearsight.serving.settings import ServerSettings

_log = logging.getLogger(__name__)


class Service:
    """The state of a server, shared by its routes and its middleware.

    Only for the event loop's thread.

    Attributes:
        settings: of the server.
        metrics: of the server.
        models: the current model of each name.
        bodies: parses and formats bodies.
        body_quota: the bytes of all bodies in memory, of requests and of responses.
        is_draining: whether the server is about to stop. It still answers, closes each connection
            with its next response, and reports that it is not ready.
        num_unanswered: requests that were cancelled because the server stopped without waiting.
    """

    def __init__(self, settings: ServerSettings, bundles: tuple[NamedBundle, ...]) -> None:
        """Create a model for each bundle; see `start`."""
        self.settings = settings
        self.metrics = Metrics()
        self.bodies = BodyThread()
        self.body_quota = Quota(
            settings.max_bodies_bytes,
            "memory_full",
            "Too many large requests are being answered: try again in a second.",
        )
        self.is_draining = False
        self.num_unanswered = 0
        # More threads than cores decode nothing faster, and large images take half a gigabyte.
        self._decoders = ThreadPoolExecutor(num_cores(), thread_name_prefix="decoder")
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
        self._watches = [
            BundleWatch(
                each.name,
                each.path,
                settings.network_threads,
                partial(self._replace, each.name),
                self.metrics.reloads.labels(each.name, "rejected").inc,
            )
            for each in bundles
        ]
        self._watching: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to answer and to watch the bundles, on the running event loop."""
        for model in self.models.values():
            model.start()
        self._watching = [asyncio.create_task(watch.run()) for watch in self._watches]

    async def close(self) -> None:
        """Answer all pending requests, then stop."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await asyncio.gather(*(model.close() for model in self.models.values()), *self._closing)
        self._decoders.shutdown(wait=False)
        self.bodies.close()

    @asynccontextmanager
    async def deadline(self) -> AsyncIterator[None]:
        """Limit how long the block may take.

        Raises:
            HttpError: 504 if it takes longer.
        """
        seconds = self.settings.deadline_seconds
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise HttpError(
                504,
                "deadline_exceeded",
                f"The response should be ready within {seconds:g} seconds, but was not: send "
                "smaller or fewer images, or try again later.",
            ) from error

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

    def _replace(self, name: str, bundle: Bundle) -> None:
        """Replace a model, which still answers its pending requests."""
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
