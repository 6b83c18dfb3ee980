"""Reading a file that may be compressed with gzip."""

import gzip
import zlib
from pathlib import Path

from clearsight.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"


def read_gzip(path: Path) -> bytes:
    """Return a file's content, decompressed if its first bytes are gzip's.

    Raises:
        DataError: when the file cannot be read or its compression is damaged.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == _GZIP_MAGIC else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
