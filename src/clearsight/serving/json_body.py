"""Reading JSON that may be hostile: bounded in numbers, in a thread where it is large."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from clearsight.serving.http_error import HttpError

# Parsing holds Python's lock; a million numbers take about 50 ms. Larger arrays come as bytes.
_MOST_COMMAS = 2_000_000
_SMALL_BYTES = 16_384
_MOST_SHOWN = 200
Model = TypeVar("Model", bound=BaseModel)


async def parsed(body: bytes, model: type[Model]) -> Model:
    """Read a body.

    Args:
        body: of the request.
        model: what it should be.

    Raises:
        HttpError: 400 when it is no JSON, 413 when it has too many entries, 422 when it is not of
            that form.
    """
    if body.count(b",") > _MOST_COMMAS:
        raise HttpError(
            413,
            "too_many_numbers",
            f"JSON should have at most {_MOST_COMMAS:,} entries, but has more: send images as "
            "files, or arrays as binary tensors.",
        )
    return await in_thread_if_large(len(body), lambda: _validated(body, model))


Result = TypeVar("Result")


async def in_thread_if_large(num_bytes: int, work: Callable[[], Result]) -> Result:
    """Do small work at once and large work in a thread, so that other requests go on."""
    return work() if num_bytes <= _SMALL_BYTES else await asyncio.to_thread(work)


def _validated(body: bytes, model: type[Model]) -> Model:
    try:
        values = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HttpError(
            400, "not_json", "The body should be JSON (RFC 8259), but cannot be read as such."
        ) from error
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise HttpError(422, "wrong_form", _sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:_MOST_SHOWN]
    said = first["msg"].removeprefix("Value error, ")[:_MOST_SHOWN]
    where = f"'{place}'" if place else "the body"
    return f"The body should be of the form that /openapi.json describes, but {where}: {said}."


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
