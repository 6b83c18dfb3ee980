"""Damaged pictures and requests: never a crash, never a 500, and memory stays as it was."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import clearsight
from clearsight.serving.app import make_app
from clearsight.serving.settings import ServerSettings
from clearsight.serving.shelf import Offer
from serving.mutations import mutated, seeds
from serving.real_server import Server, assert_problem

PREDICT = "/v1/models/fashion:predict"
PNG = {"Content-Type": "image/png"}
NUM_IN_PROCESS = int(os.environ.get("CLEARSIGHT_FUZZ_PICTURES", "100000"))
NUM_OVER_HTTP = 5_000
MOST_GROWTH_BYTES = 60e6


def test_damaged_pictures_get_answers_over_http(server: Server) -> None:
    statuses = fuzzed_over_http(server, 300, seed=1)
    assert set(statuses) == {200, 422}


@pytest.mark.slow
def test_many_damaged_pictures_over_http(server: Server) -> None:
    fuzzed_over_http(server, 1_000, seed=2)
    before = server.resident_bytes
    statuses = fuzzed_over_http(server, NUM_OVER_HTTP, seed=3)
    after = server.resident_bytes
    print(f"{NUM_OVER_HTTP:,} over HTTP: {dict(statuses)}, {before / 1e6:.0f} MB, then "
          f"{after / 1e6:.0f} MB")  # fmt: skip
    assert set(statuses) == {200, 422}
    assert after - before < MOST_GROWTH_BYTES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # as the server does
def test_a_hundred_thousand_damaged_pictures(small_bundle: clearsight.Bundle) -> None:
    """The same application, decoding and network, without the connection between."""
    statuses, before, after, seconds = asyncio.run(fuzzed_in_process(small_bundle))
    print(f"{NUM_IN_PROCESS:,} in process: {dict(statuses)}, {before / 1e6:.0f} MB, then "
          f"{after / 1e6:.0f} MB, {seconds:.0f} s")  # fmt: skip
    assert sum(statuses.values()) == NUM_IN_PROCESS
    assert set(statuses) == {200, 422}
    assert after - before < MOST_GROWTH_BYTES


def fuzzed_over_http(server: Server, count: int, seed: int) -> Counter[int]:
    files, numbers, statuses = seeds(), random.Random(seed), Counter[int]()
    with server.client() as client:
        for _ in range(count):
            content = mutated(files, numbers)
            answer = client.post(PREDICT, content=content, headers=PNG)
            statuses[answer.status_code] += 1
            if answer.status_code != 200:
                assert_problem(answer, 422, "unreadable_picture")
        assert client.get("/readyz").status_code == 200
    return statuses


async def fuzzed_in_process(bundle: clearsight.Bundle) -> tuple[Counter[int], int, int, float]:
    files, numbers, statuses = seeds(), random.Random(0), Counter[int]()
    app = make_app(ServerSettings(), (Offer("fashion", bundle.path, bundle),))
    transport = httpx.ASGITransport(app)
    before, started = 0, time.perf_counter()
    client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
    async with living(app), client:
        for number in range(NUM_IN_PROCESS):
            if number == NUM_IN_PROCESS // 10:  # caches and pools are filled by then
                before = resident_bytes()
            answer = await client.post(PREDICT, content=mutated(files, numbers), headers=PNG)
            statuses[answer.status_code] += 1
    return statuses, before, resident_bytes(), time.perf_counter() - started


@asynccontextmanager
async def living(app: Any) -> AsyncIterator[None]:
    """Start and end an application, as a server does."""
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    said: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    yield
    await told.put({"type": "lifespan.shutdown"})
    await life


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
