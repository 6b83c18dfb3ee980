"""The batcher by itself: which requests share a batch, and what happens to cancelled ones."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from clearsight.serving.batching import Batcher


def images(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


class Recorder:
    """A network that records its batches, and waits until it may continue."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_continue = threading.Event()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(images.ravel().tolist())
        assert self.may_continue.wait(10)
        if 255 in images:
            raise RuntimeError("broken")
        return images.reshape(-1, 1).astype(np.float32)


async def start_batcher(network: Recorder, max_batch: int = 4, wait: float = 0.0) -> Batcher:
    batcher = Batcher(network, max_batch, wait, lambda *_: None)
    batcher.start()
    return batcher


def test_images_that_arrive_while_the_network_runs_share_the_next_batch() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        batcher = await start_batcher(network)
        answers = [batcher.submit(images(1))]
        await asyncio.sleep(0.05)
        answers += [batcher.submit(images(value, value + 1)) for value in (2, 4, 6)]
        network.may_continue.set()
        found = await asyncio.gather(*answers)
        assert [each.ravel().tolist() for each in found] == [[1], [2, 3], [4, 5], [6, 7]]
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1], [2, 3, 4, 5], [6, 7]]


def test_a_request_larger_than_a_batch_goes_alone() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        network.may_continue.set()
        batcher = await start_batcher(network, max_batch=2)
        assert len(await batcher.submit(images(1, 2, 3))) == 3
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1, 2, 3]]


def test_cancelled_images_are_left_out() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        batcher = await start_batcher(network)
        first = batcher.submit(images(1))
        await asyncio.sleep(0.05)
        cancelled, last = batcher.submit(images(2)), batcher.submit(images(3))
        cancelled.cancel()
        network.may_continue.set()
        await asyncio.gather(first, last)
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1], [3]]


def test_it_waits_for_expected_images_but_not_for_ever() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        network.may_continue.set()
        batcher = await start_batcher(network, wait=0.3)
        with batcher.expecting():
            first = batcher.submit(images(1))
            await asyncio.sleep(0.05)
            assert network.batches == []
            second = batcher.submit(images(2))
        await asyncio.gather(first, second)
        with batcher.expecting():
            await batcher.submit(images(3))  # although nothing else arrives
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1, 2], [3]]


def test_an_error_of_the_network_reaches_its_requests_and_no_others() -> None:
    async def scenario() -> None:
        network = Recorder()
        network.may_continue.set()
        batcher = await start_batcher(network)
        with pytest.raises(RuntimeError, match="broken"):
            await batcher.submit(images(255))
        assert (await batcher.submit(images(7))).item() == 7
        await batcher.close()

    asyncio.run(scenario())
