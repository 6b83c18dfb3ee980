"""`Batcher`: runs the network on the images of many requests together."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class _Pending:
    """Images of one request, uint8 (N, H, W, C), and the future of their probabilities."""

    images: np.ndarray
    result: asyncio.Future[np.ndarray]


class Batcher:
    """Collects images, and runs the network on one batch at a time in a thread.

    A batch starts as soon as the network is free, unless more images are expected: then the first
    image waits for them for at most `max_wait_seconds`. So a single client never waits in vain, and
    many clients share batches. Images that arrive while the network runs join the next batch.
    """

    def __init__(
        self,
        network: Network,
        max_batch: int,
        max_wait_seconds: float,
        on_batch: Callable[[int, float], None],
    ) -> None:
        """Create a batcher; see `start`.

        Args:
            network: maps uint8 (N, H, W, C) to float32 (N, K); called in a thread.
            max_batch: images per batch, unless a single request has more.
            max_wait_seconds: see the class.
            on_batch: called with each batch's number of images and the network's seconds.
        """
        self._network = network
        self._max_batch = max_batch
        self._max_wait_seconds = max_wait_seconds
        self._on_batch = on_batch
        self._pending: deque[_Pending] = deque()
        self._changed = asyncio.Event()
        self._num_expected = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start on the running event loop."""
        self._task = asyncio.create_task(self._run_batches())

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Let the next batch wait for images that the block prepares and submits."""
        self._num_expected += 1
        try:
            yield
        finally:
            self._num_expected -= 1
            self._changed.set()

    def submit(self, images: np.ndarray) -> asyncio.Future[np.ndarray]:
        """Add images to the next batch; cancel the future to remove them again.

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            The future of the probabilities, float32 (N, K).
        """
        result: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(images, result))
        self._changed.set()
        return result

    async def close(self) -> None:
        """Finish all pending images, then stop."""
        # Cancelled images may stay, where the network never ends.
        while self._num_expected or not all(each.result.done() for each in self._pending):
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()  # ends after its batch, whose results are set by then
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False)

    async def _run_batches(self) -> None:
        while True:
            while not self._pending:
                await self._wait_for_change()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._max_wait_seconds):
                    while self._num_expected and (
                        sum(len(each.images) for each in self._pending) < self._max_batch
                    ):
                        await self._wait_for_change()
            batch = self._next_batch()
            if batch:
                await asyncio.shield(self._run(batch))

    async def _wait_for_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _next_batch(self) -> list[_Pending]:
        """Remove the oldest pending images up to the limit, and those whose future is cancelled."""
        batch: list[_Pending] = []
        num_images = 0
        while self._pending:
            first = self._pending[0]
            if first.result.done():
                self._pending.popleft()
                continue
            if batch and num_images + len(first.images) > self._max_batch:
                break
            batch.append(self._pending.popleft())
            num_images += len(first.images)
        return batch

    async def _run(self, batch: list[_Pending]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        arrays = [each.images for each in batch]
        try:
            probabilities = await loop.run_in_executor(self._thread, self._run_network, arrays)
        except Exception as error:
            if len(batch) > 1:  # only the requests whose own images fail get an error
                middle = len(batch) // 2
                await self._run(batch[:middle])
                await self._run(batch[middle:])
            elif not batch[0].result.done():
                batch[0].result.set_exception(error)
            return
        self._on_batch(len(probabilities), loop.time() - started)
        ends = np.cumsum([len(each.images) for each in batch])
        for each, part in zip(batch, np.split(probabilities, ends[:-1]), strict=True):
            if not each.result.done():
                each.result.set_result(part)

    def _run_network(self, arrays: list[np.ndarray]) -> np.ndarray:
        return self._network(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))
