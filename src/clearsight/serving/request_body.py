"""Reading request bodies, which may be hostile: limits on bytes, seconds, parts and numbers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header
from starlette.requests import ClientDisconnect, Request

from clearsight.serving.http_error import (
    ClientGoneError,
    HttpError,
    invalid_request,
    too_many_images,
)
from clearsight.serving.service import Service

# Parsing holds Python's lock; a million numbers take about 50 ms. Larger arrays come as bytes.
_MAX_COMMAS = 2_000_000
_SMALL_BYTES = 16_384

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")


@asynccontextmanager
async def receive_body(request: Request, service: Service) -> AsyncIterator[bytes]:
    """Read a body into memory, and count its bytes in the quota of bodies until the block ends.

    Raises:
        HttpError: 413 if it is too large, 408 if it does not arrive in time, 503 if the bodies of
            all requests together are too large.
        ClientGoneError: if the client disconnects.
    """
    settings, quota = service.settings, service.body_quota
    too_large = HttpError(
        413,
        "body_too_large",
        f"The body should have at most {settings.max_body_bytes:,} bytes, but has more: send "
        "smaller or fewer images.",
    )
    content_length = request.headers.get("content-length", "")
    if content_length.isdecimal() and int(content_length) > settings.max_body_bytes:
        raise too_large
    size, chunks = 0, list[bytes]()
    try:
        try:
            async with asyncio.timeout(settings.receive_seconds):
                async for chunk in request.stream():
                    if size + len(chunk) > settings.max_body_bytes:
                        raise too_large
                    quota.acquire(len(chunk))
                    size += len(chunk)
                    chunks.append(chunk)
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
        yield b"".join(chunks)
    finally:
        quota.release(size)


async def parse_json(body: bytes, model: type[Model]) -> Model:
    """Parse and validate JSON.

    Raises:
        HttpError: 400 if it is not JSON, 413 if it has too many entries, 422 if it is not valid.
    """
    if body.count(b",") > _MAX_COMMAS:
        raise HttpError(
            413,
            "too_many_numbers",
            f"JSON should have at most {_MAX_COMMAS:,} entries, but has more: send images as "
            "files, or arrays as binary tensors.",
        )

    def parse() -> Model:
        try:
            return model.model_validate(from_json(body, allow_inf_nan=False))
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False, include_input=False)
            raise invalid_request(details[0]) from error
        except ValueError as error:
            raise HttpError(
                400, "invalid_json", "The body should be JSON (RFC 8259), but cannot be parsed."
            ) from error

    return await run_in_thread_if_large(len(body), parse)


def parse_multipart(body: bytes, content_type: str, max_parts: int) -> list[bytes]:
    """Return the content of each part of a multipart body; nothing is written to disk.

    Args:
        body: of the request.
        content_type: the header, with the boundary.
        max_parts: how many parts it may have.

    Raises:
        HttpError: 400 if it is not a multipart body, 413 if it has more parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _invalid_multipart("its header has no boundary")
    parts: list[bytearray] = []

    def on_part_begin() -> None:
        if len(parts) == max_parts:
            raise too_many_images(max_parts)
        parts.append(bytearray())

    def on_part_data(content: bytes, start: int, end: int) -> None:
        parts[-1].extend(content[start:end])

    try:
        parser = MultipartParser(
            boundary, {"on_part_begin": on_part_begin, "on_part_data": on_part_data}
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _invalid_multipart("its parts cannot be parsed") from error
    if parser.state != MultipartState.END:
        raise _invalid_multipart("it is cut short")
    return [bytes(part) for part in parts]


def pixels_array(rows: list[Any]) -> np.ndarray:
    """Convert nested lists to an array of uint8.

    Raises:
        ValueError: with the reason, if they do not hold integers from 0 to 255.
    """
    try:
        array = np.asarray(rows)
    except (ValueError, OverflowError) as error:
        raise ValueError("its rows have different lengths") from error
    if array.size and array.dtype.kind not in "iu":
        raise ValueError("its values are not integers (do not scale pixels)")
    if array.size and (array.min() < 0 or array.max() > 255):
        raise ValueError("its values are not from 0 to 255")
    return array.astype(np.uint8)


def _invalid_multipart(reason: str) -> HttpError:
    return HttpError(
        400, "invalid_multipart", f"The body should be multipart/form-data, but {reason}."
    )


async def run_in_thread_if_large(num_bytes: int, work: Callable[[], Result]) -> Result:
    """Do small work at once, and large work in a thread, which does not block other requests."""
    return work() if num_bytes <= _SMALL_BYTES else await asyncio.to_thread(work)
