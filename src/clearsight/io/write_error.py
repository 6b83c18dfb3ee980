"""Why something cannot be written, in a sentence that says what to do about it."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clearsight.errors import OutputError

ANOTHER_FOLDER = "choose another folder"
# What the system's answers mean.
_MEANINGS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota of the disk is used up",
    errno.EFBIG: "a file may not grow so large",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "that is not allowed",
    errno.EPERM: "that is not allowed",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_MORE = (*_FULL, errno.EFBIG, errno.EROFS)
# Below this a disk counts as full if a library fails without saying why.
_NEARLY_NOTHING_BYTES = 1 << 16


@contextmanager
def explained_write_errors(
    path: Path, *, what: str = "", otherwise: str = ANOTHER_FOLDER
) -> Iterator[None]:
    """Turn what fails in the block because `path` cannot be written into an `OutputError`.

    Libraries report a full disk with exceptions of their own, of any type.

    Args:
        path: the file or folder that the block writes.
        what: what is written, for the message; by default the path.
        otherwise: how to write it elsewhere, for the message.

    Raises:
        OutputError: if the block raises an `OSError`, unless that is about a file elsewhere, or
            anything else because of a full or read-only disk.
    """
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        found = find_refusal(error)
        if isinstance(error, OSError) and _is_about(error, path):
            found = error
        if found is None:
            raise
        raise cannot_write(path, found, what=what, otherwise=otherwise) from error


@contextmanager
def full_disk_recognized(folder: Path) -> Iterator[None]:
    """Turn an exception of a library into an `OSError` if the folder's disk is full.

    Some libraries written in C++ only say that writing has failed.
    """
    try:
        yield
    except RuntimeError as error:
        with_space = shutil.disk_usage(folder).free > _NEARLY_NOTHING_BYTES
        if with_space or find_refusal(error) is not None:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def find_refusal(error: BaseException) -> OSError | None:
    """Return the system's refusal to write more that an exception comes from, or None.

    It is searched for among the causes, and in the texts of libraries that pass on no `OSError`.

    Example:
        >>> find_refusal(RuntimeError("unable to write (errno = 28, 'No space left on device')"))
        OSError(28, 'No space left on device')
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_MORE:
            return cause
        for number in _NO_MORE:
            if os.strerror(number) in str(cause):
                return OSError(number, os.strerror(number))
        cause = cause.__cause__ or cause.__context__
    return None


def cannot_write(
    path: Path | None, error: OSError, *, what: str = "", otherwise: str = ANOTHER_FOLDER
) -> OutputError:
    """Return an error that says why something cannot be written, and what to do.

    Call it once what was half written is removed, so that the free space is what it was before.

    Args:
        path: of the file that should be written; None if it is not known.
        error: of the system; if it has another path, the message is about the folder of that one.
        what: as in `explained_write_errors`.
        otherwise: as in `explained_write_errors`.
    """
    failed = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else path
    folder = _folder_of(failed) if failed is not None else None
    where = f" in {folder}" if what and folder is not None else ""
    problem = f"{what or path} cannot be written{where}, because {reason(error)}"
    if error.errno in _FULL:
        free = f"{folder} has {_what_is_left(folder)}; " if folder is not None else ""
        return OutputError(f"{problem}: {free}free some more, or {otherwise}.")
    if error.errno == errno.EFBIG:
        return OutputError(f"{problem}: raise the limit (ulimit -f), or {otherwise}.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return OutputError(f"{problem}: change the permissions, or {otherwise}.")
    return OutputError(f"{problem}: {otherwise}.")


def reason(error: OSError) -> str:
    """Return why the system refuses to write, in words, to follow "because".

    Example:
        >>> reason(OSError(errno.ENOSPC, "No space left on device"))
        'the disk is full (No space left on device)'
    """
    number = error.errno or 0
    if number in _MEANINGS:
        return f"{_MEANINGS[number]} ({os.strerror(number)})"
    return f"the system answers '{error.strerror or error}'"


def _is_about(error: OSError, path: Path) -> bool:
    """Return whether an error may come from writing `path`, and not from a file that was read."""
    if not isinstance(error.filename, str | bytes):
        return True
    failed, path = Path(os.fsdecode(error.filename)).absolute(), path.absolute()
    return failed.is_relative_to(path.parent) or path.is_relative_to(failed)


def _folder_of(path: Path) -> Path:
    """Return the nearest folder above a path that exists."""
    return next(each for each in path.absolute().parents if os.path.isdir(each))


def _what_is_left(folder: Path) -> str:
    if hasattr(os, "statvfs"):
        status = os.statvfs(folder)
        if status.f_files and not status.f_favail:
            return "space for no more files, however small"
    return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB left"
