"""The batcher by itself: who shares a run of the network, and what happens to those who leave."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from clearsight.serving.batching import Batcher


def images(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


class Recorder:
    """A network that notes its batches, and waits for leave to go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = threading.Event()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(images.ravel().tolist())
        assert self.may_go_on.wait(10)
        if 255 in images:
            raise RuntimeError("broken")
        return images.reshape(-1, 1).astype(np.float32)


async def started(network: Recorder, max_batch: int = 4, wait: float = 0.0) -> Batcher:
    batcher = Batcher(network, max_batch, wait, lambda *_: None)
    batcher.start()
    return batcher


def test_what_arrives_while_the_network_runs_shares_the_next_run() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        batcher = await started(network)
        answers = [batcher.submit(images(1))]
        await asyncio.sleep(0.05)
        answers += [batcher.submit(images(value, value + 1)) for value in (2, 4, 6)]
        network.may_go_on.set()
        found = await asyncio.gather(*answers)
        assert [each.ravel().tolist() for each in found] == [[1], [2, 3], [4, 5], [6, 7]]
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1], [2, 3, 4, 5], [6, 7]]


def test_a_request_larger_than_a_batch_goes_alone() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        network.may_go_on.set()
        batcher = await started(network, max_batch=2)
        assert len(await batcher.submit(images(1, 2, 3))) == 3
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1, 2, 3]]


def test_who_gave_up_is_left_out() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        batcher = await started(network)
        first = batcher.submit(images(1))
        await asyncio.sleep(0.05)
        gone, last = batcher.submit(images(2)), batcher.submit(images(3))
        gone.cancel()
        network.may_go_on.set()
        await asyncio.gather(first, last)
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1], [3]]


def test_it_waits_for_those_on_their_way_but_not_for_ever() -> None:
    async def scenario() -> list[list[int]]:
        network = Recorder()
        network.may_go_on.set()
        batcher = await started(network, wait=0.3)
        batcher.expect()
        first = batcher.submit(images(1))
        await asyncio.sleep(0.05)
        assert network.batches == []
        second = batcher.submit(images(2))
        batcher.expect_no_more()
        await asyncio.gather(first, second)
        batcher.expect()
        await batcher.submit(images(3))  # although what is expected never comes
        batcher.expect_no_more()
        await batcher.close()
        return network.batches

    assert asyncio.run(scenario()) == [[1, 2], [3]]


def test_a_network_that_fails_is_told_to_those_who_wait_and_goes_on() -> None:
    async def scenario() -> None:
        network = Recorder()
        network.may_go_on.set()
        batcher = await started(network)
        with pytest.raises(RuntimeError, match="broken"):
            await batcher.submit(images(255))
        assert (await batcher.submit(images(7))).item() == 7
        await batcher.close()

    asyncio.run(scenario())
