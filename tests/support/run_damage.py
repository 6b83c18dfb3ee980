"""Damage the files of a run as disks and strangers do, and see what reads them all the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clearsight.errors import ClearsightError

_DEEP: Any = []
for _ in range(60):
    _DEEP = [_DEEP]
# Numbers that Python's `json` would not write are put in after it has written the rest.
_AS_THEY_ARE = ("1e400", "NaN", "-Infinity", "1" + "0" * 3000)
REPLACEMENTS: tuple[Any, ...] = (
    None, [], {}, "x", "", "\x00", -1, 0, 1, 2.5, 10**30, True, [1], [[]], {"x": 1}, _DEEP,
    *(f"<{text}>" for text in _AS_THEY_ARE),
)  # fmt: skip


def value_paths(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where each value within JSON values is."""
    children: Any = ()
    if isinstance(values, dict):
        children = values.items()
    elif isinstance(values, list):
        children = enumerate(values)
    for key, child in children:
        yield (*path, key)
        yield from value_paths(child, (*path, key))


def replace_value(text: str, path: tuple[Any, ...], value: Any) -> str:
    """Return JSON in which the value at a path is another one, or repeated in its list."""
    values = json.loads(text)
    inside = values
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    text = json.dumps(values)
    for number in _AS_THEY_ARE:
        text = text.replace(f'"<{number}>"', number)
    return text


def lists_of_other_lengths(text: str) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Return JSON with one list a value longer, and with one a value shorter, for each list."""
    values = json.loads(text)
    for path in value_paths(values):
        inside = values
        for key in path:
            inside = inside[key]
        if isinstance(inside, list) and inside:
            yield path, replace_value(text, path, [*inside, inside[-1]])
            yield path, replace_value(text, path, inside[:-1])


def _random_bytes(path: Path) -> None:
    path.write_bytes(random.Random(0).randbytes(5_000))


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    """A file that takes no disk, and more memory than there is."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "random bytes": _random_bytes,
    "nothing": lambda path: path.write_bytes(b""),
    "its first half": _truncated,
    "a folder": _folder,
    "a named pipe": _pipe,
    "a device": _endless,
    "a terabyte": _sparse,
    "deep nesting": lambda path: path.write_text("[" * 100_000),
    "other JSON": lambda path: path.write_text("[1]"),
    "a line of text": lambda path: path.write_text("epoch,loss\n1,2,3\n"),
}


@contextmanager
def changed_file(path: Path) -> Iterator[Path]:
    """Let a file be changed in the block, and restore it at the end."""
    kept = path.with_name(f"{path.name}.kept")
    shutil.copy2(path, kept)
    try:
        yield path
    finally:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        kept.rename(path)


def outcome(action: Callable[[], object], seconds: int = 60) -> ClearsightError | None:
    """Return the error that an action ends with; any other exception, or waiting, is a failure."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"nothing happened for {seconds} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        action()
    except ClearsightError as error:
        return error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return None
