"""`parse_strict_json`: JSON from anyone, as values that can be written and displayed again."""

import json
import math
from typing import Any

_MAX_DEPTH = 32  # of lists and objects within each other
# Each takes 60 bytes and more, so that "[[],[],[],..." takes thirty times its own size.
_MAX_CONTAINERS = 1_000_000
_TOO_DEEP = f"its lists and objects are nested more than {_MAX_DEPTH} deep"


def parse_strict_json(content: bytes, *, allow_half_characters: bool = False) -> Any:
    """Parse JSON in UTF-8, and refuse what other parsers may read differently.

    Lone surrogates represent the bytes of file names that are not UTF-8.

    Raises:
        ValueError: if it is not JSON, has a number that is not finite, a key twice in one object,
            a lone surrogate that is not allowed, or lists and objects that are nested too deeply or
            too many.

    Example:
        >>> parse_strict_json(b'{"divisor": NaN}')
        Traceback (most recent call last):
        ...
        ValueError: the number NaN is not finite
    """
    if content.count(b"[") + content.count(b"{") > _MAX_CONTAINERS:
        raise ValueError("it has far too many lists and objects")
    try:
        values = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check_depth(values)
    errors = "surrogateescape" if allow_half_characters else "strict"
    json.dumps(values, ensure_ascii=False).encode("utf-8", errors)  # fails for any other
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise ValueError(f"it has the key {twice[:100]!r} twice")
    return values


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:100]} is not finite")
    return number


def _check_depth(values: Any) -> None:
    level = [values]
    for _ in range(_MAX_DEPTH + 1):
        level = [value for each in level for value in _contents(each)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _contents(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
