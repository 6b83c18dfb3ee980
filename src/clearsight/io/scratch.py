"""Folders for temporary files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearsight.errors import OutputError
from clearsight.io.temporary import temporary_directory
from clearsight.io.write_error import explained_write_errors


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder in the system's folder for temporary files; it is removed at the end.

    No other user can read it. That of a killed process is removed by the next one.

    Raises:
        OutputError: when a file in it cannot be written.
    """
    otherwise = "set the environment variable TMPDIR to another folder"
    try:
        place = Path(tempfile.gettempdir()) / "clearsight"
    except FileNotFoundError as error:
        raise OutputError(
            f"A folder for temporary files is needed, but there is none ({error.strerror}): free "
            f"some disk space, or {otherwise}."
        ) from error
    with (
        explained_write_errors(place, what="Temporary files", otherwise=otherwise),
        temporary_directory(place, mode=0o700) as folder,  # others may write next to it
    ):
        yield folder
