"""`ServedModel`: an open bundle that answers requests."""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import numpy as np

from clearsight.bundle.bundle import Bundle
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.prepared_image import PreparedImage
from clearsight.errors import DataError
from clearsight.serving.batching import Batcher
from clearsight.serving.http_error import HttpError
from clearsight.serving.log_text import one_line
from clearsight.serving.metrics import Metrics
from clearsight.serving.quota import Quota
from clearsight.serving.settings import ServerSettings

_VERSION_LENGTH = 12
_SECONDS_BETWEEN_CHECKS = 0.01
_log = logging.getLogger(__name__)

# Decoded images, uint8 (N, H, W, C), and remarks about each if they are files.
Decoded = tuple[np.ndarray, "tuple[ImageRemarks, ...]"]
Decode = Callable[[Callable[[], bool]], Decoded]


@dataclass(frozen=True)
class FileOptions:
    """How image files are read.

    Attributes:
        invert: invert brightness first.
        keep_pixels: also return the network's input.
    """

    invert: bool
    keep_pixels: bool = False


@dataclass(frozen=True, eq=False)
class ImageRemarks:
    """What an answer reports about an image file.

    Attributes:
        is_inverted: whether it is dark on light while the training images are light on dark, or
            the reverse.
        warnings: see `PreparedImage`.
        pixels: the network's input, uint8 (H, W, C), if `FileOptions.keep_pixels`; else None.
    """

    is_inverted: bool
    warnings: tuple[str, ...]
    pixels: np.ndarray | None


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """The predictions for the images of one request.

    Attributes:
        probabilities: float32 (N, K), before any temperature.
        remarks: about each image; () for arrays.
    """

    probabilities: np.ndarray
    remarks: tuple[ImageRemarks, ...] = ()

    @property
    def num_bytes(self) -> int:
        """The size of all arrays."""
        pixels = (each.pixels for each in self.remarks if each.pixels is not None)
        return self.probabilities.nbytes + sum(array.nbytes for array in pixels)


class ServedModel:
    """One bundle with its queue. It never changes: a new bundle becomes another `ServedModel`.

    Attributes:
        name: the model's name in requests.
        bundle: the open bundle.
        version: a hash of the bundle's content.
        quota: of queued images, shared with the model that this one replaces.
    """

    def __init__(
        self,
        name: str,
        bundle: Bundle,
        quota: Quota,
        decoders: ThreadPoolExecutor,
        settings: ServerSettings,
        metrics: Metrics,
    ) -> None:
        """Create a model; see `start`."""
        self.name = name
        self.bundle = bundle
        content = bundle.spec.to_json().encode()  # with the SHA-256 of every file
        self.version = hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH]
        self._num_users = 0
        self.quota = quota
        self._decoders = decoders
        self._images = metrics.images.labels(name)
        self._queued = metrics.queued.labels(name)
        batch_images = metrics.batch_images.labels(name)
        network_seconds = metrics.network_seconds.labels(name)

        def on_batch(num_images: int, seconds: float) -> None:
            batch_images.observe(num_images)
            network_seconds.observe(seconds)

        self._failures = metrics.failures.labels(name)
        self._has_failed = False
        self._batcher = Batcher(
            self._run_network, settings.max_batch, settings.max_wait_ms / 1_000, on_batch
        )

    def start(self) -> None:
        """Begin to answer, on the running event loop."""
        self._batcher.start()

    @contextmanager
    def in_use(self) -> Iterator[Self]:
        """Keep the model open for a request until the block ends, even if it is replaced."""
        self._num_users += 1
        try:
            yield self
        finally:
            self._num_users -= 1

    async def close(self) -> None:
        """Wait until no request uses the model, then stop."""
        while self._num_users:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
        await self._batcher.close()

    async def predict_files(self, contents: list[bytes], options: FileOptions) -> ModelOutput:
        """Classify images given as the contents of image files.

        Args:
            contents: the contents of the files.
            options: how the files are read.

        Raises:
            HttpError: 422 if an image cannot be read, 500 if the network fails, 503 if the queue is
                full.
        """
        preparation = self.bundle.preparation

        def decode(is_wanted: Callable[[], bool]) -> Decoded:
            images = [
                _read(preparation, content, options.invert, None if len(contents) == 1 else index)
                for index, content in enumerate(contents)
                if is_wanted()
            ]
            remarks = tuple(
                ImageRemarks(
                    preparation.is_opposite(image.pixels),
                    image.warnings,
                    image.pixels if options.keep_pixels else None,
                )
                for image in images
            )
            return np.stack([image.pixels for image in images]), remarks

        return await self._predict(len(contents), decode)

    async def predict_arrays(self, arrays: np.ndarray | list[np.ndarray]) -> ModelOutput:
        """Classify images given as arrays.

        Args:
            arrays: uint8 (N, H, W, C) of the network's size, or uint8 (H, W, C) of any size each.

        Raises:
            HttpError: see `predict_files`.
        """
        return await self._predict(len(arrays), lambda _: (self.bundle.fit_images(arrays), ()))

    def _run_network(self, images: np.ndarray) -> np.ndarray:
        """Compute probabilities, float32 (N, K); called in the network's thread.

        Raises:
            HttpError: 500, whatever the network raises.
        """
        try:
            return self.bundle.probabilities(images)
        except Exception as error:  # the runtimes' errors share no base class
            self._failures.inc()
            if not self._has_failed:
                self._has_failed = True
                _log.error(
                    "%s: version %s fails, which is logged once and then only counted: %s",
                    self.name,
                    self.version,
                    one_line(error),
                )
            raise HttpError(
                500,
                "model_failed",
                "The model should give probabilities for these images, but fails: the server's "
                "log says why.",
            ) from None

    async def _predict(self, num_images: int, decode: Decode) -> ModelOutput:
        self.quota.acquire(num_images)
        self._queued.inc(num_images)
        try:
            output = await self._decode_and_predict(decode)
        except DataError as error:
            raise HttpError(422, "unreadable_image", str(error)) from error
        finally:
            self.quota.release(num_images)
            self._queued.dec(num_images)
        self._images.inc(num_images)
        return output

    async def _decode_and_predict(self, decode: Decode) -> ModelOutput:
        with self._batcher.expecting():
            abandoned = threading.Event()
            decoding = asyncio.get_running_loop().run_in_executor(
                self._decoders, decode, lambda: not abandoned.is_set()
            )
            try:
                images, remarks = await asyncio.shield(decoding)
            except asyncio.CancelledError:
                # A thread cannot be stopped within an image. Past the deadline, the request waits
                # for that image, so that no more than `max_queue` images are ever in memory.
                abandoned.set()
                await asyncio.wait([decoding])
                if not decoding.cancelled():
                    decoding.exception()  # retrieved, so that nothing is logged
                raise
            probabilities = self._batcher.submit(images)
        return ModelOutput(await probabilities, remarks)


def _read(
    preparation: Preparation, content: bytes, invert: bool, index: int | None
) -> PreparedImage:
    """Read an image; an error begins with the image's index if there is one."""
    try:
        return preparation.read(content, invert=invert)
    except DataError as error:
        if index is None:
            raise
        text = str(error)
        raise DataError(f"Image {index}: {text[0].lower()}{text[1:]}") from error
    except Exception as error:  # any exception of a decoder means a damaged file
        _log.warning("an image made the decoder raise %s", type(error).__name__)
        raise DataError(
            "The image should be an image file, but its decoder fails: is it damaged?"
        ) from error
