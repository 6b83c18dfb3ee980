"""Files compressed with gzip, bzip2 or xz, recognized by their first bytes."""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from clearsight.data.formats.damage import DAMAGE
from clearsight.errors import DataError

_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


def is_compressed(path: str | Path) -> bool:
    """Return whether a file is compressed."""
    return _opener(path) is not open


@contextmanager
def open_unpacked(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file, which is unpacked as it is read if it is compressed."""
    with _opener(path)(path, "rb") as file:
        yield cast(IO[bytes], file)


def read_unpacked(path: Path) -> bytes:
    """Return a file's content, unpacked if it is compressed.

    Raises:
        DataError: when the file cannot be read or its compression is damaged.
    """
    try:
        with open_unpacked(path) as file:
            return file.read()
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _opener(path: str | Path):
    with open(path, "rb") as file:  # noqa: PTH123 - text or a path, like the other openers
        start = file.read(6)
    return next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), open)
