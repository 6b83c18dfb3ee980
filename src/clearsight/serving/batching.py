"""`Batcher`: images of many requests go through the network together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Images of one request, uint8 (N, H, W, C), and who waits for their probabilities."""

    images: np.ndarray
    answer: asyncio.Future[np.ndarray]


class Batcher:
    """Gathers images, and runs the network on them in a thread, one batch at a time.

    A batch starts as soon as the network is free and nothing else is on its way; while some are,
    the first image waits `max_wait_seconds` for them at most. So a single client never waits in
    vain, and many share a run. What arrives while the network runs goes along in the next batch.
    """

    def __init__(
        self,
        network: Network,
        max_batch: int,
        max_wait_seconds: float,
        on_batch: Callable[[int, float], None],
    ) -> None:
        """Make one; see `start`.

        Args:
            network: uint8 (N, H, W, C) to float32 (N, K), called in a thread.
            max_batch: images of one batch, at most, unless one request alone has more.
            max_wait_seconds: see the class.
            on_batch: told each batch's number of images and the network's seconds.
        """
        self._network = network
        self._max_batch = max_batch
        self._max_wait_seconds = max_wait_seconds
        self._on_batch = on_batch
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._num_coming = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, on the running event loop."""
        self._task = asyncio.create_task(self._work())

    def expect(self) -> None:
        """Say that images are on their way, being decoded."""
        self._num_coming += 1

    def expect_no_more(self) -> None:
        """Say that images that were on their way have come, or will not."""
        self._num_coming -= 1
        self._arrived.set()

    def submit(self, images: np.ndarray) -> asyncio.Future[np.ndarray]:
        """Have images go along in a batch; cancel what comes back to leave them out again.

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            What will be float32 (N, K).
        """
        answer: asyncio.Future[np.ndarray] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(images, answer))
        self._arrived.set()
        return answer

    async def close(self) -> None:
        """Answer what waits, then end."""
        while self._waiting or self._num_coming:
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()  # once its batch is done: the answers are out before it is awaited
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        while True:
            await self._wait_for_company()
            batch = self._next_batch()
            if batch:
                await asyncio.shield(self._run(batch))

    async def _wait_for_company(self) -> None:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        loop = asyncio.get_running_loop()
        until = loop.time() + self._max_wait_seconds
        while (
            self._num_coming and sum(len(each.images) for each in self._waiting) < self._max_batch
        ):
            left = until - loop.time()
            if left <= 0:
                return
            self._arrived.clear()
            try:
                async with asyncio.timeout(left):
                    await self._arrived.wait()
            except TimeoutError:
                return

    def _next_batch(self) -> list[_Waiting]:
        """Take what has waited longest; whoever gave up waiting is left out."""
        batch: list[_Waiting] = []
        num_images = 0
        while self._waiting:
            first = self._waiting[0]
            if first.answer.done():
                self._waiting.popleft()
                continue
            if batch and num_images + len(first.images) > self._max_batch:
                break
            batch.append(self._waiting.popleft())
            num_images += len(first.images)
        return batch

    async def _run(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        images = [each.images for each in batch]
        try:
            together = images[0] if len(images) == 1 else np.concatenate(images)
            found = await loop.run_in_executor(self._thread, self._network, together)
        except Exception as error:  # whatever it is, each request is told
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        self._on_batch(len(together), loop.time() - started)
        start = 0
        for each in batch:
            end = start + len(each.images)
            if not each.answer.done():
                each.answer.set_result(found[start:end])
            start = end
