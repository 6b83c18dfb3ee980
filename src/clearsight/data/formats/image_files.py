"""Images that are files in a folder: reading them, and signatures that change when they do."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clearsight.data.formats.damage import reason_of
from clearsight.errors import DataError

ABSENT = "absent"  # the state of a file that is not there; reading it explains that


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
            try:
                # Unbuffered, because a file is read in one piece.
                with open(os.path.join(self.root, key), "rb", buffering=0) as file:  # noqa: PTH118, PTH123 - twice as fast
                    content: bytes | DataError = file.readall()
            except OSError as error:
                content = DataError(
                    f"{key} should be an image, but cannot be read: {reason_of(error)}."
                )
            yield key, content


def file_state(state: os.stat_result) -> str:
    """Return a file's size and times, including that of the last change of any sort.

    Tools that copy files restore the modification time, but cannot set the latter.
    """
    return f"{state.st_size},{state.st_mtime_ns},{state.st_ctime_ns}"


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


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path leads into a folder (resolved already) once every link is resolved."""
    return f"{os.path.realpath(path)}{os.sep}".startswith(f"{folder}{os.sep}")
