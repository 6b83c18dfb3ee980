"""One process a run: a lock that a killed process cannot leave behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from clearsight.errors import RunError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_NAME = "lock"
# Whoever only looks holds the lock for an instant; that must not look like a training.
_TRIES, _SECONDS_BETWEEN = 5, 0.05


class RunLock:
    """Holds a run's folder for this process; use it as a context manager.

    The system lets go of the lock when the process ends, however it ends. Where there are no such
    locks (Windows, some network filesystems) nothing is held.

    Args:
        folder: the run's.

    Raises:
        RunError: on entering, when another process holds it or the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._handle: int | None = None

    def __enter__(self) -> Self:
        for attempt in range(_TRIES):
            if self._taken():
                return self
            if attempt + 1 < _TRIES:
                time.sleep(_SECONDS_BETWEEN)
        raise _in_use(self._folder)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def _taken(self) -> bool:
        if fcntl is None:
            return True
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise RunError(
                f"{self._folder} should be a folder that can be written to, but is not: "
                f"{error.strerror}. Give the right to write there, and try again."
            ) from error
        try:
            if not _locked(handle, fcntl.LOCK_EX):
                os.close(handle)
                return False
        except OSError:  # this filesystem has no locks
            os.close(handle)
            return True
        if not _is_still(handle, self._path):
            os.close(handle)  # its last holder removed the file in the meantime
            return False
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return True


def is_held(folder: Path) -> bool:
    """Tell whether a process trains in a run's folder at this moment."""
    if fcntl is None:
        return False
    try:
        handle = os.open(folder / _NAME, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(handle, fcntl.LOCK_SH)
    except OSError:
        return False
    finally:
        os.close(handle)


def check_unlocked(folder: Path) -> None:
    """Make sure that no process trains in a run's folder.

    Raises:
        RunError: when one does.
    """
    if is_held(folder):
        raise _in_use(folder)


def _in_use(folder: Path) -> RunError:
    return RunError(
        f"Only one process should train in {folder}, but {_holder(folder / _NAME)} does already: "
        "wait for it, stop it, or name another folder with --out."
    )


def _locked(handle: int, kind: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        number = path.read_text()
    except OSError:
        number = ""
    return f"process {number}" if number.isdigit() else "another"
