"""Files compressed with gzip, bzip2 or xz, recognized by their first bytes."""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from clearsight.data.formats.damage import DAMAGE
from clearsight.data.limits import max_unpacked_bytes
from clearsight.errors import DataError
from clearsight.io.regular_file import open_regular

_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_START_BYTES = max(map(len, _OPENERS))


def is_compressed(path: str | Path) -> bool:
    """Return whether a file is compressed."""
    with open_regular(Path(path)) as file:
        return _opener(file) is not None


@contextmanager
def open_unpacked(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file, which is unpacked as it is read if it is compressed."""
    with open_regular(Path(path)) as file:
        opener = _opener(file)
        if opener is None:
            yield file
        else:
            with opener(file) as unpacked:
                yield cast(IO[bytes], unpacked)


def read_unpacked(path: Path) -> bytes:
    """Return a file's content, unpacked if it is compressed.

    Raises:
        DataError: when the file cannot be read, its compression is damaged, or it unpacks to far
            more than images do.
    """
    try:
        with open_unpacked(path) as file:
            most = max_unpacked_bytes(path.stat().st_size)
            content = file.read(most + 1)
        if len(content) > most:
            raise DataError(f"{path} should hold images, but unpacks to more than {most:,} bytes.")
        return content
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


def _opener(file: IO[bytes]):
    start = file.read(_START_BYTES)
    file.seek(0)
    return next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
