"""`ClassNames`: what numbered classes are called, read from a JSON or TXT file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearsight.errors import DataError

_MOST_BYTES = 50_000_000  # a list of names is never as long
_FORMS = (
    'a JSON list of names, a JSON object such as {"0": "cat", "1": "dog"} or {"cat": 0, "dog": 1}, '
    "or text with one name a line"
)


@dataclass(frozen=True)
class ClassNames:
    """What numbered classes are called.

    Attributes:
        names: K names, in the order of the numbers.
        numbers: K different numbers, ascending: what labels call the classes.
        is_counted: whether the numbers are only places in a list, so that labels may also count
            from 1.

    Raises:
        DataError: when there are fewer than two names, an empty one, or one twice.
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
        if not all(name.strip() for name in self.names):
            empty = next(number for number, name in self._pairs() if not name.strip())
            raise DataError(
                f"{self.origin} should all be names, but the one of class {empty} is empty."
            )
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(
                f"{self.origin} should be different from each other, but '{twice}' is there twice."
            )

    def _pairs(self) -> list[tuple[int, str]]:
        return list(zip(self.numbers, self.names, strict=True))

    @classmethod
    def listed(cls, names: Sequence[Any], origin: str = "The class names") -> ClassNames:
        """Name the classes 0, 1, ... in the order of `names`.

        Args:
            names: K texts, or other values whose text is their name.
            origin: what messages call the list, at the beginning of a sentence.
        """
        texts = tuple(
            name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
            for name in names
        )
        return cls(texts, tuple(range(len(texts))), is_counted=True, origin=origin)


def read_class_names(path: Path) -> ClassNames:
    """Read a file of class names.

    It holds a JSON list, a JSON object of names and numbers either way round, or one name a line.

    Raises:
        DataError: when it cannot be read or holds something else.
    """
    text = _text_of(path)
    if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{"):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path} should hold class names as {_FORMS}, but is no JSON ({error})."
            ) from error
        return _from_json(values, path)
    lines = text.strip().splitlines()
    return ClassNames.listed([line.strip() for line in lines], origin=f"The names in {path}")


def _text_of(path: Path) -> str:
    expected = f"{path} should hold class names as {_FORMS}, but"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{expected} is larger than {_MOST_BYTES:,} bytes.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{expected} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(f"{expected} is no UTF-8 text ({error}).") from error


def _from_json(values: Any, path: Path) -> ClassNames:
    origin = f"The names in {path}"
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
        raise DataError(f"{path} should hold class names as {_FORMS}, but holds something else.")
    numbered.sort()
    numbers = tuple(number for number, _ in numbered)
    if len(set(numbers)) < len(numbers):
        raise DataError(f"{origin} should have a number each, but some share one.")
    return ClassNames(tuple(name for _, name in numbered), numbers, origin=origin)


def _is_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal() and len(text) <= 18
