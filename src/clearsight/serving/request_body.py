"""Receiving request bodies, which may be hostile: limits on bytes and seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from clearsight.serving.http_error import ClientGoneError, HttpError
from clearsight.serving.service import Service


@asynccontextmanager
async def receive_body(request: Request, service: Service) -> AsyncIterator[bytes]:
    """Read a body into memory, and count its bytes in the quota of bodies until the block ends.

    Raises:
        HttpError: 415 if it is compressed, 413 if it is too large, 408 if it does not arrive in
            time, 503 if the bodies of all requests and responses together are too large.
        ClientGoneError: if the client disconnects.
    """
    settings, quota = service.settings, service.body_quota
    too_large = HttpError(
        413,
        "body_too_large",
        f"The body should have at most {settings.max_body_bytes:,} bytes, but has more: send "
        "smaller or fewer images.",
    )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpError(
            415, "compression_not_supported", "The body should not be compressed, but is."
        )
    content_length = request.headers.get("content-length", "")
    if content_length.isdecimal() and int(content_length) > settings.max_body_bytes:
        raise too_large
    # Not a list of chunks, each of which takes more memory than the byte that it may be.
    size, received = 0, bytearray()
    try:
        try:
            async with asyncio.timeout(settings.receive_seconds):
                async for chunk in request.stream():
                    if size + len(chunk) > settings.max_body_bytes:
                        raise too_large
                    quota.acquire(len(chunk))
                    size += len(chunk)
                    received += chunk
        except TimeoutError as error:
            raise HttpError(
                408,
                "request_timeout",
                f"The body should arrive within {settings.receive_seconds:g} seconds, but did "
                "not: send it faster, or send a smaller one.",
                {"Connection": "close"},
            ) from error
        except ClientDisconnect as error:
            raise ClientGoneError from error
        body = bytes(received)
        del received
        yield body
    finally:
        quota.release(size)
