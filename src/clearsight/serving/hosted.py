"""`HostedBundle`: an open bundle that answers requests within their deadline."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import numpy as np

from clearsight.bundle.bundle import Bundle
from clearsight.data.preparation.preparation import Preparation
from clearsight.errors import DataError
from clearsight.serving.admission import Room
from clearsight.serving.batching import Batcher
from clearsight.serving.http_error import HttpError
from clearsight.serving.metrics import Metrics
from clearsight.serving.settings import ServerSettings

_VERSION_LENGTH = 12
_SECONDS_BETWEEN_LOOKS = 0.01
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Named:
    """What a request's images became.

    Attributes:
        probabilities: float32 (N, K).
        opposite: whether an image is dark on light where training was light on dark, or vice
            versa, one for each; empty where that was not asked.
    """

    probabilities: np.ndarray
    opposite: tuple[bool, ...] = ()


Decoded = tuple[np.ndarray, tuple[bool, ...]]
IsWanted = Callable[[], bool]


class HostedBundle:
    """One bundle with its queue. It is never changed: a replacement is another one.

    Attributes:
        name: by which requests ask for it.
        bundle: it.
        version: of its content.
    """

    def __init__(
        self,
        name: str,
        bundle: Bundle,
        room: Room,
        decoders: ThreadPoolExecutor,
        settings: ServerSettings,
        metrics: Metrics,
    ) -> None:
        """Make one; see `start`.

        Args:
            name: see the class.
            bundle: see the class.
            room: for the images that wait, shared with the bundle that it replaces.
            decoders: threads that decode images.
            settings: of the server.
            metrics: of the server.
        """
        self.name = name
        self.bundle = bundle
        content = bundle.spec.to_json().encode()  # which names the SHA-256 of every file
        self.version = hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH]
        self._num_users = 0
        self._room = room
        self._decoders = decoders
        self._settings = settings
        self._images = metrics.images.labels(name)
        self._queued = metrics.queued.labels(name)
        batch_images = metrics.batch_images.labels(name)
        network_seconds = metrics.network_seconds.labels(name)

        def on_batch(num_images: int, seconds: float) -> None:
            batch_images.observe(num_images)
            network_seconds.observe(seconds)

        self._batcher = Batcher(
            bundle.probabilities, settings.max_batch, settings.max_wait_ms / 1_000, on_batch
        )

    def start(self) -> None:
        """Begin to answer, on the running event loop."""
        self._batcher.start()

    @contextmanager
    def in_use(self) -> Iterator[Self]:
        """Hold it for a request: it answers until the block ends, even when it is replaced."""
        self._num_users += 1
        try:
            yield self
        finally:
            self._num_users -= 1

    async def close(self) -> None:
        """Wait until no request holds it, answer what waits, then end."""
        while self._num_users:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        await self._batcher.close()

    async def name_files(self, contents: list[bytes], *, invert: bool) -> Named:
        """Name images that come as the content of files.

        Args:
            contents: of the files.
            invert: turn light into dark and back first.

        Raises:
            HttpError: 422 when an image cannot be read, 503 when the queue is full, 504 when the
                deadline passes.
        """
        preparation = self.bundle.preparation

        def decode(is_wanted: IsWanted) -> Decoded:
            fitted = [
                _read(preparation, content, invert, None if len(contents) == 1 else index)
                for index, content in enumerate(contents)
                if is_wanted()
            ]
            return np.stack(fitted), tuple(preparation.is_opposite(each) for each in fitted)

        return await self._within_deadline(len(contents), decode)

    async def name_arrays(self, arrays: np.ndarray | list[np.ndarray]) -> Named:
        """Name images that come as arrays.

        Args:
            arrays: uint8 (N, H, W, C) of the network's size, or uint8 (H, W, C) of any size each.

        Raises:
            HttpError: as `name_files`.
        """
        return await self._within_deadline(
            len(arrays), lambda _: (self.bundle.fit_images(arrays), ())
        )

    async def _within_deadline(self, count: int, decode: Callable[[IsWanted], Decoded]) -> Named:
        self._room.take(count)
        self._queued.inc(count)
        task = asyncio.ensure_future(self._answer(decode))
        task.add_done_callback(lambda _: self._leave(count))
        try:
            return await self._in_time(task)
        except DataError as error:
            raise HttpError(422, "unreadable_image", str(error)) from error

    def _leave(self, count: int) -> None:
        self._room.give_back(count)
        self._queued.dec(count)

    async def _in_time(self, task: Awaitable[Named]) -> Named:
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                return await task
        except TimeoutError as error:
            raise HttpError(
                504,
                "deadline",
                f"The answer should come within {self._settings.deadline_seconds:g} seconds, but "
                "did not: send smaller or fewer images, or try again later.",
            ) from error

    async def _answer(self, decode: Callable[[IsWanted], Decoded]) -> Named:
        self._batcher.expect()
        loop = asyncio.get_running_loop()
        abandoned = threading.Event()
        decoding = loop.run_in_executor(self._decoders, decode, lambda: not abandoned.is_set())
        try:
            # A thread cannot be stopped within an image: past the deadline its images keep their
            # place until it is done, so that no more than `max_queue` are ever in memory.
            images, opposite = await _to_its_end(decoding, abandoned)
            answer = self._batcher.submit(images)
        finally:
            self._batcher.expect_no_more()
        named = Named(await answer, opposite)
        self._images.inc(len(images))
        return named


async def _to_its_end(decoding: asyncio.Future[Decoded], abandoned: threading.Event) -> Decoded:
    """Wait for a thread even when the waiting is cancelled meanwhile, which the thread is told."""
    try:
        return await asyncio.shield(decoding)
    except asyncio.CancelledError:
        abandoned.set()
        await asyncio.wait([decoding])
        if not decoding.cancelled():
            decoding.exception()  # seen, so that nothing is logged
        raise


def _read(preparation: Preparation, content: bytes, invert: bool, index: int | None) -> np.ndarray:
    """Read an image, and say of several which one it is that cannot be read."""
    try:
        return preparation.read(content, invert=invert)
    except DataError as error:
        if index is None:
            raise
        text = str(error)
        raise DataError(f"Image {index}: {text[0].lower()}{text[1:]}") from error
    except Exception as error:  # whatever a damaged file makes a decoder do, it is the file
        _log.warning("an image made the decoder raise %s", type(error).__name__)
        raise DataError(
            "The image should be an image file, but makes its decoder fail: is it damaged?"
        ) from error
