"""Sends damaged images through the server's application, in its own process.

Prints one line of JSON: the number of responses by status, and the memory at ten moments in MB.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sys
import warnings
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from clearsight.engine.runtime.allocator import return_freed_memory
from clearsight.serving.app import make_app
from clearsight.serving.named_bundle import open_named_bundles
from clearsight.serving.service import Service
from clearsight.serving.settings import ServerSettings

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.damaged_images import mutate, seeds

PREDICT = "/v1/models/fashion:predict"
NUM_MOMENTS = 10


async def fuzz(bundle: str, count: int) -> dict[str, Any]:
    files, numbers, statuses = seeds(), random.Random(0), Counter[int]()
    megabytes = []
    # A busy machine may take longer over an image of 50 million pixels than the usual deadline.
    settings = ServerSettings(deadline_seconds=120)
    app = make_app(Service(settings, open_named_bundles([f"fashion={bundle}"], 1)))
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=None)
    async with lifespan(app), client:
        for number in range(1, count + 1):
            content = mutate(files, numbers)
            headers = {"Content-Type": "image/png"}
            answer = await client.post(PREDICT, content=content, headers=headers)
            statuses[answer.status_code] += 1
            if number % (count // NUM_MOMENTS) == 0:
                megabytes.append(round(resident_bytes() / 1e6))
    return {"statuses": statuses, "megabytes": megabytes}


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start and stop an application, as a server does."""
    received: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    sent: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, received.get, sent.put))
    await received.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    yield
    await received.put({"type": "lifespan.shutdown"})
    await task


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # as the server does, like the next line
    return_freed_memory()
    logging.disable(logging.INFO)
    print(json.dumps(asyncio.run(fuzz(sys.argv[1], int(sys.argv[2])))))
