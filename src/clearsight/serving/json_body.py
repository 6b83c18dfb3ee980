"""Reading JSON, which may be hostile: what it would cost is counted before it is parsed."""

import gc
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from clearsight.serving.http_error import HttpError, invalid_request

# Parsing holds Python's lock. With these it takes at most 45 ms (2 cores, pydantic-core 2.50): a
# list costs as much as six numbers, a text as much as ten, and 6 MB of digits as much as three
# million.
_MAX_VALUES = 1_000_000
_MAX_LISTS = 250_000
_MAX_ARRAY_BYTES = 6_000_000
_FEW_VALUES = 1_000  # besides those that are one text per image
_MAX_AXES = 8

Model = TypeVar("Model", bound=BaseModel)


def read_json_body(body: bytes, max_texts: int) -> Any:
    """Parse JSON.

    Args:
        body: the text.
        max_texts: how many texts it may have, keys included.

    Raises:
        HttpError: 413 if it would cost too much, 400 if it is not JSON.
    """
    num_values, num_lists = _count(body, b","), _count(body, b"[{")
    is_large = len(body) > _MAX_ARRAY_BYTES and num_values > _FEW_VALUES + max_texts
    if num_values > _MAX_VALUES or num_lists > _MAX_LISTS or is_large:
        raise HttpError(
            413,
            "too_many_numbers",
            f"JSON should have at most {_MAX_VALUES:,} numbers, {_MAX_LISTS:,} lists and "
            f"{_MAX_ARRAY_BYTES:,} bytes of arrays, but has more: send images as files, or arrays "
            "as binary tensors.",
        )
    if _count(body, b'"') > 2 * max_texts:
        raise HttpError(
            413,
            "too_many_texts",
            f"JSON should have at most {max_texts:,} keys and texts, but has more: see "
            "/openapi.json.",
        )
    try:
        # Otherwise the garbage collector looks at all lists several times, which takes three times
        # as long as parsing them. No other thread runs meanwhile.
        gc.disable()
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise HttpError(
            400, "invalid_json", "The body should be JSON (RFC 8259), but cannot be parsed."
        ) from error
    finally:
        gc.enable()


def validate(values: Any, model: type[Model]) -> Model:
    """Validate what `read_json_body` returned.

    Raises:
        HttpError: 422 if it is not valid.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_request(details[0]) from error


def pixels_array(rows: list[Any]) -> np.ndarray:
    """Convert nested lists, of any depth, to uint8 of their shape.

    Each level is checked before the next one is read, and the numbers before numpy sees them: it
    would make an array of text as wide as the longest one.

    Raises:
        ValueError: with the reason, if they do not hold integers from 0 to 255.
    """
    shape, level = [len(rows)], rows
    while (types := set(map(type, level))) == {list}:
        lengths = set(map(len, level))
        if len(lengths) > 1:
            raise ValueError("its rows have different lengths")
        shape += lengths
        if len(shape) > _MAX_AXES:
            raise ValueError(f"it has more than {_MAX_AXES} axes")
        level = list(chain.from_iterable(level))
    if list in types:
        raise ValueError("its rows have different lengths")
    if not types <= {int}:
        raise ValueError("its values are not integers (do not scale pixels)")
    try:
        return np.frombuffer(bytes(level), np.uint8).reshape(shape)
    except ValueError as error:
        raise ValueError("its values are not from 0 to 255") from error


def _count(body: bytes, marks: bytes) -> int:
    """Count characters; numpy does not hold Python's lock meanwhile."""
    characters = np.frombuffer(body, np.uint8)
    return sum(int(np.count_nonzero(characters == mark)) for mark in marks)
