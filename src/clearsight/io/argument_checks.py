"""Checks of what callers pass to public functions, each with one sentence if it is wrong.

Arguments that are fields of a request are checked by its model (`clearsight.options`).
"""

from __future__ import annotations

import operator
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from clearsight.errors import RequestError, describe_found, did_you_mean
from clearsight.option_names import option


def check_path(value: Any, subject: str, what: str = "a path") -> Path:
    """Return a path that is given as text or a path.

    Args:
        value: what was passed.
        subject: of the message.
        what: it should be.

    Raises:
        RequestError: when it is something else, or text that no system takes as a path.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or "\0" in path:
        raise RequestError(f"{subject} should be {what}, but is {describe_found(value)}.")
    return Path(path)


def check_switch(value: Any, name: str) -> bool:
    """Return what is on or off: True or False, or 1 or 0 as Keras takes them.

    Raises:
        RequestError: when it is something else.
    """
    if not isinstance(value, bool | int) or value not in (0, 1):
        raise _wrong(value, name, "True or False")
    return bool(value)


def check_count(value: Any, name: str, lowest: int) -> int:
    """Return a whole number of at least `lowest`, of any type of integers.

    Raises:
        RequestError: when it is something else.
    """
    what = f"a whole number of at least {lowest}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise _wrong(value, name, what)
    try:
        count = operator.index(value)
    except TypeError as error:  # an array of several numbers
        raise _wrong(value, name, what) from error
    if count < lowest:
        raise _wrong(value, name, what)
    return count


def check_choice(value: Any, name: str, choices: Collection[str]) -> None:
    """Check that a value is one of several words.

    Raises:
        RequestError: when it is not; the message suggests the nearest.
    """
    if not isinstance(value, str):
        raise _wrong(value, name, _any_of(choices))
    if value not in choices:
        raise _wrong(value, name, _any_of(choices), did_you_mean(value, choices))


def _any_of(choices: Collection[str]) -> str:
    *most, last = (f"'{choice}'" for choice in choices)
    return f"{', '.join(most)} or {last}" if most else last


def _wrong(value: Any, name: str, what: str, hint: str = "") -> RequestError:
    return RequestError(f"{option(name)} should be {what}, but is {describe_found(value)}.{hint}")
