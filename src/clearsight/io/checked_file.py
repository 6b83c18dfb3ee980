"""Files that begin with the SHA-256 of the rest, so that damage is noticed when they are read."""

import hashlib
from pathlib import Path

from clearsight.errors import DataError
from clearsight.io.atomic import write_atomically
from clearsight.io.regular_file import read_regular
from clearsight.io.write_error import ANOTHER_FOLDER

_MAX_BYTES = 1_000_000_000
_DIGEST_BYTES = len(hashlib.sha256().hexdigest()) + 1  # and a line feed


def write_checked(path: Path, content: bytes, otherwise: str = ANOTHER_FOLDER) -> None:
    """Write a file that `read_checked` reads; `otherwise` as in `write_atomically`.

    Raises:
        OutputError: when it cannot be written.
    """
    with write_atomically(path, otherwise) as temporary:
        temporary.write_bytes(_digest_line(content) + content)


def read_checked(path: Path) -> bytes | None:
    """Return the content of a file that `write_checked` wrote, or None if there is no such file.

    Raises:
        DataError: when it cannot be read or is damaged; the message says so in a few words.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "charts.js"
        >>> read_checked(path)
        >>> write_checked(path, b"draw()")
        >>> read_checked(path)
        b'draw()'
    """
    try:
        found = read_regular(path, _MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"it cannot be read ({error.strerror or error})") from error
    line, content = found[:_DIGEST_BYTES], found[_DIGEST_BYTES:]
    if line != _digest_line(content):
        raise DataError("its content differs from what was written")
    return content


def _digest_line(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"
