"""Reading a request's body: so many bytes at most, in so much time at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from clearsight.serving.admission import Room
from clearsight.serving.http_error import ClientGoneError, HttpError
from clearsight.serving.settings import ServerSettings


@asynccontextmanager
async def received_body(
    request: Request, settings: ServerSettings, room: Room
) -> AsyncIterator[bytes]:
    """Read a body and hold its share of the room for all bodies until the block ends.

    Raises:
        HttpError: 413 when it is too large, 408 when it does not come in time, 503 when the bodies
            of all requests together are too large.
        ClientGoneError: when it is cut off.
    """
    most = settings.max_body_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise _too_large(settings)
    taken = 0
    chunks: list[bytes] = []
    try:
        try:
            async with asyncio.timeout(settings.receive_seconds):
                async for chunk in request.stream():
                    if taken + len(chunk) > most:
                        raise _too_large(settings)
                    room.take(len(chunk))
                    taken += len(chunk)
                    chunks.append(chunk)
        except TimeoutError as error:
            raise HttpError(
                408,
                "too_slow",
                f"The body should come within {settings.receive_seconds:g} seconds, but did not: "
                "send it faster, or a smaller one.",
                {"Connection": "close"},
            ) from error
        except ClientDisconnect as error:
            raise ClientGoneError from error
        yield b"".join(chunks)
    finally:
        room.give_back(taken)


def _too_large(settings: ServerSettings) -> HttpError:
    return HttpError(
        413,
        "body_too_large",
        f"The body should have at most {settings.max_body_bytes:,} bytes, but has more: send "
        "smaller or fewer images.",
    )
