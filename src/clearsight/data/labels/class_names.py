"""`ClassNames`: the names of numbered classes, and reading them from a JSON or text file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.data.labels.alike_names import one_form
from clearsight.errors import DataError
from clearsight.io.regular_file import read_regular

_MAX_BYTES = 5_000_000  # of a file of names
_FORMS = (
    'a JSON list of names, a JSON object such as {"0": "cat", "1": "dog"} or {"cat": 0, "dog": 1}, '
    "or text with one name per line"
)


@dataclass(frozen=True)
class ClassNames:
    """The names of numbered classes.

    Attributes:
        names: K names, in the order of the numbers.
        numbers: K different numbers, ascending, by which labels refer to the classes.
        is_counted: whether the numbers are only indices of a list, so that labels may also count
            from 1.
        origin: what to call the names at the beginning of a message.

    Raises:
        DataError: when there are fewer than two names, or one is empty or repeated.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    is_counted: bool = False
    origin: str = "The class names"

    def __post_init__(self) -> None:
        if len(self.names) < 2:
            raise DataError(
                f"{self.origin} should be at least two names, but there are {len(self.names)}."
            )
        for number, name in zip(self.numbers, self.names, strict=True):
            if not name.strip():
                raise DataError(
                    f"{self.origin} should all be names, but the one of class {number} is empty."
                )
        if len(set(self.names)) < len(self.names):
            repeated = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(
                f"{self.origin} should be different from each other, but '{repeated}' is there "
                "twice."
            )

    @classmethod
    def listed(cls, names: Iterable[Any], origin: str = "The class names") -> ClassNames:
        """Number the classes 0, 1, ... in the order of `names`: text, bytes or other values."""
        texts = tuple(
            one_form(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name))
            for name in names
        )
        return cls(texts, tuple(range(len(texts))), is_counted=True, origin=origin)


def read_class_names(path: Path) -> ClassNames:
    """Read a file of class names.

    It holds a JSON list, a JSON object of names and numbers either way round, or one name per line.

    Raises:
        DataError: when it cannot be read or holds something else.
    """
    expected = f"{path} should hold class names as {_FORMS}, but"
    origin = f"The names in {path}"
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{expected} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(f"{expected} is no UTF-8 text ({error}).") from error
    if path.suffix.lower() != ".json" and text.lstrip()[:1] not in ("[", "{"):
        return ClassNames.listed(
            [line.strip() for line in text.strip().splitlines()], origin=origin
        )
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{expected} is no JSON ({error}).") from error
    if isinstance(values, list) and all(isinstance(name, str) for name in values):
        return ClassNames.listed(values, origin=origin)
    numbered: list[tuple[int, str]] = []
    if isinstance(values, dict):
        for key, value in values.items():
            if isinstance(value, int) and not isinstance(value, bool):
                numbered.append((value, key))
            elif isinstance(value, str) and _is_number(key):
                numbered.append((int(key), value))
    if not numbered or len(numbered) < len(values):
        raise DataError(f"{expected} holds something else.")
    numbered.sort()
    numbers = tuple(number for number, _ in numbered)
    if len(set(numbers)) < len(numbers):
        raise DataError(f"{origin} should have a number each, but some share one.")
    return ClassNames(tuple(one_form(name) for _, name in numbered), numbers, origin=origin)


def _is_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal() and len(text) <= 18
