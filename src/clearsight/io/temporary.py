"""Temporary folders next to what is written in them, and removal of those of killed processes.

A process that writes in one holds a lock on it, which the system releases however the process ends.
So a folder that another process can lock is a leftover. Single files are written in such a folder
too, because libraries may replace or lock them, or write other files next to them.
"""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clearsight.io.folder_entries import entries_below

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# What `whole_folder` calls a folder that it is writing, the one that it replaces, and one that it
# deletes.
NEW, OLDER, DELETED = "new", "older", "deleted"
_DIGITS = r"-[0-9a-f]{8}"
_OF_ANY = re.compile(rf"\.(.*[^.].*){_DIGITS}(\.[^.]*)?", re.DOTALL)  # never "", "." or ".."
# Where the filesystem has no locks, what has not been written to for so long is a leftover.
_STALE_SECONDS = 86_400


@contextmanager
def temporary_directory(path: Path, mode: int = 0o777) -> Iterator[Path]:
    """Create a folder next to `path`; it is removed with what it still holds.

    Leftovers of writing `path` are removed first. `mode` are its permissions, less the umask.
    """
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    _remove_abandoned(path.parent, re.compile(rf"\.{stem}{_DIGITS}{suffix}"))
    temporary, handle = _create(path, mode)
    try:
        yield temporary
    finally:
        with suppress(OSError):
            remove_entry(temporary)
        if handle is not None:
            os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder that is written to by clearsight alone.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in (".results-7ad7531b.json", "bundle"):
        ...     (folder / name).mkdir()
        >>> remove_leftovers(folder)
        >>> [path.name for path in folder.iterdir()]
        ['bundle']
    """
    _remove_abandoned(folder, _OF_ANY)


def remove_deleted(folder: Path) -> None:
    """Delete the rest of what killed processes were deleting in any folder.

    Other temporary folders there are kept: they may be another program's, whatever their names are.
    """
    _remove_abandoned(folder, _OF_ANY, holding=DELETED)


def remove_entry(path: Path) -> None:
    """Remove a file, a folder with its content, or a link, but never what the link leads to.

    Raises:
        OSError: when that cannot be done; what does not exist is fine.
    """
    if path.is_dir() and not path.is_symlink():
        try:
            shutil.rmtree(path)
        except RecursionError as error:  # before Python 3.13
            why = "its folders are nested too deeply"
            raise OSError(errno.ENAMETOOLONG, why, str(path)) from error
    else:
        path.unlink(missing_ok=True)


def _create(path: Path, mode: int) -> tuple[Path, int | None]:
    """Create a folder next to `path` and lock it; return its path and the descriptor locked."""
    while True:
        temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
        # Not with `tempfile`, whose folders no other user may ever read.
        temporary.mkdir(mode)
        if fcntl is None:
            return temporary, None
        # Another process may take it for a leftover in the instant before it is locked.
        with suppress(FileNotFoundError):
            handle = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW)
            if _lock(handle) is not False and _is_at(handle, temporary):
                return temporary, handle
            os.close(handle)


def _remove_abandoned(folder: Path, names: re.Pattern[str], holding: str | None = None) -> None:
    """Remove leftovers with these names; with `holding`, only those that hold nothing else."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not names.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
                continue
            path = Path(entry.path)
            if holding is None or [each.name for each in path.iterdir()] == [holding]:
                _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):  # another process may be removing it too
        if fcntl is None:
            if _is_stale(path):
                _complete_replacement(path)
                remove_entry(path)
            return
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            is_ours = _lock(handle)
            if is_ours or (is_ours is None and _is_stale(path)):
                _complete_replacement(path)
                remove_entry(path)
        finally:
            os.close(handle)


def _complete_replacement(temporary: Path) -> None:
    """Move a new folder to its path if the process died when the older one had moved away."""
    new, name = temporary / NEW, _OF_ANY.fullmatch(temporary.name)
    if name is not None and new.is_dir() and (temporary / OLDER).is_dir():
        path = temporary.with_name(f"{name[1]}{name[2] or ''}")
        if not os.path.lexists(path):
            new.rename(path)


def _lock(handle: int) -> bool | None:
    """Return whether it could be locked; None if the filesystem has no locks."""
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _is_stale(path: Path) -> bool:
    states = (entry.stat(follow_symlinks=False) for entry in entries_below(path))
    newest = max(state.st_mtime for state in (path.lstat(), *states))
    return newest < time.time() - _STALE_SECONDS
