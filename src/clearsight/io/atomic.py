"""Atomic writes: no reader ever sees half a file."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearsight.errors import OutputError
from clearsight.io.path_state import what_is_at
from clearsight.io.temporary import temporary_directory
from clearsight.io.write_error import (
    ANOTHER_FOLDER,
    explained_write_errors,
    full_disk_recognized,
)


@contextmanager
def write_atomically(path: Path, otherwise: str = ANOTHER_FOLDER) -> Iterator[Path]:
    """Yield an empty file in a folder next to `path`, and move it onto `path` at the end.

    Two processes may do this at once: each writes its own temporary file and the later move wins.
    If the block raises, `path` stays as it was and the temporary file is removed; that of a killed
    process is removed when `path` is written next. A new file's permissions follow the umask; one
    that replaces another keeps that one's.

    Args:
        path: the file.
        otherwise: advice at the end of the error message, such as how to choose another folder.

    Raises:
        OutputError: when the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> with write_atomically(folder / "results.json") as temporary:
        ...     _ = temporary.write_text("{}")
        >>> [file.name for file in folder.iterdir()]
        ['results.json']
    """
    with explained_write_errors(path, otherwise=otherwise):
        mode = _mode_to_keep(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_directory(path) as folder, full_disk_recognized(folder):
            temporary = folder / path.name
            temporary.touch()
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            # Some libraries replace it by a file that no other user may read.
            temporary.chmod(folder.stat().st_mode & 0o666 if mode is None else mode)
            temporary.replace(path)


def _mode_to_keep(path: Path) -> int | None:
    """Return the permissions of the file that is to be replaced; None if there is none.

    A link to a file is replaced, and the file stays as it is.

    Raises:
        OutputError: when it is no file, such as a device, which a file must not replace.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(mode):
        found = what_is_at(path)
        raise OutputError(
            f"{path} should be a file or not exist, but {found}: choose another name."
        )
    return None if path.is_symlink() else mode & 0o777
