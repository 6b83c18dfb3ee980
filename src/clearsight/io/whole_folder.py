"""Folders written and deleted as a whole: no reader ever finds half of one, even if a process dies.

A folder is filled in a temporary one beside its path, and takes its place in one step. A folder to
delete first moves into a temporary one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clearsight.io.exchange import exchange
from clearsight.io.temporary import DELETED, NEW, OLDER, remove_entry, temporary_directory
from clearsight.io.write_error import explained_write_errors, full_disk_recognized


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder, to fill and pass to `replace_folder` or `place_folder`.

    It is removed at the end, unless it was moved to its path.

    Raises:
        OutputError: when a file in it cannot be written.
    """
    with explained_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_directory(path) as temporary, full_disk_recognized(temporary):
            folder = temporary / NEW
            folder.mkdir()
            yield folder


def replace_folder(folder: Path, path: Path) -> None:
    """Move a `temporary_folder` to its path. What is there is replaced in one step, and deleted.

    Where the system cannot do that in one step, what is there moves away first. If the process is
    killed just then, the next `temporary_folder` for this path begins by moving the new one there.

    Raises:
        OSError: when it cannot be moved; what was there is there again.
    """
    _flush(folder)
    if not os.path.lexists(path):
        folder.rename(path)
    elif not exchange(folder, path):
        older = folder.with_name(OLDER)
        path.rename(older)
        try:
            folder.rename(path)
        except OSError:
            older.rename(path)
            raise
    _flush_entries(path.parent)


def place_folder(folder: Path, path: Path) -> None:
    """Move a `temporary_folder` to its path, where nothing may be.

    Raises:
        OSError: when something is there, or it cannot be moved.
    """
    _flush(folder)
    folder.rename(path)  # which replaces nothing but an empty folder
    _flush_entries(path.parent)


def delete_folder(path: Path) -> None:
    """Delete a folder, which is gone from its path in one step; no links are followed.

    If the process is killed before the rest is deleted, `remove_deleted` deletes it.

    Raises:
        OSError: when it cannot be deleted.
    """
    with temporary_directory(path) as temporary:
        doomed = temporary / DELETED
        path.rename(doomed)
        remove_entry(doomed)


def _flush(folder: Path) -> None:
    """Flush a folder's files, and its lists of files, to the disk."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            _flush_entries(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _flush_entries(folder: Path) -> None:
    """Flush a folder's list of files to the disk, if the system can do that."""
    with suppress(OSError):  # Windows opens no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
