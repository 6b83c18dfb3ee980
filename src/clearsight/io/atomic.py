"""Atomic writes: no reader ever sees half a file."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clearsight.errors import OutputError


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path` to write to, and move it onto `path` at the end.

    Two processes may do this at once: each writes its own temporary file and the later move wins.
    If the block raises, `path` stays as it was and the temporary file is removed.

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
    # The suffix stays at the end: Keras and Altair choose their format by it.
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        # Nothing to remove after the move; a path below a file raises NotADirectoryError.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder next to `path`, to fill and move there; it is removed at the end.

    Raises:
        OutputError: when a file in it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as temporary:
            folder = Path(temporary) / "new"
            folder.mkdir()
            yield folder
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def replace_folder(temporary: Path, path: Path) -> None:
    """Move a `temporary_folder` to its path. A folder that is there is replaced, or kept on error.

    Raises:
        OSError: when it cannot be moved.
    """
    for file in temporary.rglob("*"):
        if file.is_file():
            with file.open("rb") as written:
                os.fsync(written.fileno())
    # A folder cannot be replaced in one step: the older one first moves next to the temporary one.
    older = temporary.with_name("older")
    with suppress(FileNotFoundError):
        path.rename(older)
    try:
        temporary.rename(path)
    except OSError:
        if older.exists():
            older.rename(path)
        raise


def remove_temporary_files(folder: Path) -> None:
    """Remove what killed processes left of `write_atomically` in a folder that no other one uses.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in (".results-7ad7531b.json", "results.json"):
        ...     (folder / name).touch()
        >>> remove_temporary_files(folder)
        >>> [file.name for file in folder.iterdir()]
        ['results.json']
    """
    for path in folder.glob(".*-????????.*"):
        path.unlink(missing_ok=True)
