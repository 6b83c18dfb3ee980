"""A lock that allows one process per run, and that a killed process cannot leave behind."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from clearsight.errors import RunError
from clearsight.io.regular_file import open_regular, read_regular
from clearsight.run.store.location import LOCK_NAME, MAX_LOCK_BYTES

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# `is_locked` takes a shared lock for an instant, which must not look like a process that writes.
_TIMEOUT_SECONDS = 0.25
# What a filesystem without locks (some network filesystems) answers.
_HAS_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Hold a run's folder for this process.

    The system releases the lock when the process ends, however it ends. On filesystems that have
    no locks nothing is held.

    Raises:
        RunError: when another process holds it, or the lock file cannot be made there.
    """
    path = folder / LOCK_NAME
    lock = FileLock(path, timeout=_TIMEOUT_SECONDS, on_acquired=_write_process_id)
    try:
        lock.acquire()
    except Timeout as error:
        raise _in_use(folder) from error
    except OSError as error:
        if error.errno not in _HAS_NO_LOCKS:
            raise RunError(
                f"{folder} should be a folder that can be written to, but {path.name} cannot be "
                f"opened there: {error.strerror}. Make the folder writable, delete that file if no "
                "training uses it, and try again."
            ) from error
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # Windows deletes no open file; there filelock does it
                path.unlink()
            lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether a process writes to a run's folder; False where that is not known.

    filelock knows exclusive locks only, which need the right to write and would exclude others who
    ask at the same time; so this tries a shared one.
    """
    if fcntl is None:
        return False
    # There may be no lock file, or the filesystem has no locks.
    with suppress(OSError), open_regular(folder / LOCK_NAME, follow_links=False) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def check_unlocked(folder: Path) -> None:
    """Check that no process writes to a run's folder.

    Raises:
        RunError: when one is.
    """
    if is_locked(folder):
        raise _in_use(folder)


def _write_process_id(handle: int) -> None:
    """Write who holds the lock, for the error of others; never over a file of other content."""
    with suppress(OSError):  # the lock holds without it
        content = os.read(handle, MAX_LOCK_BYTES)
        if (not content or content.isdigit()) and os.fstat(handle).st_nlink == 1:
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, str(os.getpid()).encode())


def _in_use(folder: Path) -> RunError:
    try:
        number = read_regular(folder / LOCK_NAME, MAX_LOCK_BYTES, follow_links=False)
    except OSError:
        number = b""
    holder = f"process {number.decode()}" if number.isdigit() else "another process"
    return RunError(
        f"Only one process should write to {folder}, but {holder} does already: wait until it "
        "ends, or stop it."
    )
