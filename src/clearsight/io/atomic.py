"""Atomic writes: no reader ever sees half a file."""

import os
import secrets
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
