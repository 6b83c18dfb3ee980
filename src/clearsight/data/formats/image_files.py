"""Images that are files in a folder: reading them, and signatures that change when they do."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.folder_walk import file_state
from clearsight.data.formats.damage import reason_of
from clearsight.data.limits import MAX_IMAGE_BYTES
from clearsight.errors import DataError
from clearsight.io.regular_file import read_regular


@dataclass(frozen=True)
class FileReader:
    """Reads images that are files.

    Attributes:
        root: the folder that keys are relative to.
    """

    root: str

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read each file; see `Reader`."""
        for key in keys:
            path = Path(self.root, key)
            try:
                content: bytes | DataError = read_regular(path, MAX_IMAGE_BYTES)
            except OSError as error:
                is_broken_link = isinstance(error, FileNotFoundError) and path.is_symlink()
                reason = "the link leads to no file" if is_broken_link else reason_of(error)
                content = DataError(f"{key} should be an image, but cannot be read: {reason}.")
            yield key, content


def file_signature(path: Path) -> str:
    """Return text that changes whenever a file does: its path, its size and its times.

    Raises:
        DataError: when the file cannot be read.
    """
    try:
        return f"{path.resolve()}\0{file_state(path.stat())}"
    except OSError as error:
        raise DataError(
            f"{path} should be a file, but cannot be read: {reason_of(error)}."
        ) from error


def files_signature(root: str, states: Iterable[tuple[str, str]]) -> str:
    """Return text that changes whenever a file in a folder does: from keys and `file_state`s."""
    lines = "\n".join((root, *(f"{key}\0{state}" for key, state in states)))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()
