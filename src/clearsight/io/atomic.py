"""Putting files where others look for them, so that nobody ever reads half a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearsight.errors import OutputError


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it onto `path` at the end.

    Two processes may do this at once: each writes its own temporary file and the later move wins
    whole. When the block raises, `path` is left as it was and the temporary file is removed.

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
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays at the end: Keras and Altair choose their format by it.
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} should be written, but cannot be: {error.strerror or error}."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_temporary_files(folder: Path) -> None:
    """Remove what killed processes left of `write_atomically` in a folder that is nobody else's.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in (".results-x7_aw3p0.json", "results.json"):
        ...     (folder / name).touch()
        >>> remove_temporary_files(folder)
        >>> [file.name for file in folder.iterdir()]
        ['results.json']
    """
    for path in folder.glob(".*-????????.*"):
        path.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
