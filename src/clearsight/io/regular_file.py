"""Opening regular files, and nothing else.

A folder from somebody else may contain a named pipe, which would block a process that opens it for
ever, a link to an endless device, or a file of any size. Each of these raises an `OSError`, as a
missing file does, with what was found as its `strerror`.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISFIFO, "it is a named pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)
_BLOCK_BYTES = 1 << 16
# What a system lacks is 0. Without O_BINARY, Windows changes line ends.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))


def open_regular(path: Path, *, follow_links: bool = True) -> BinaryIO:
    """Open a regular file for reading bytes, without ever waiting for another process.

    For text, wrap it: ``io.TextIOWrapper(open_regular(path), encoding="utf-8", newline="")``.

    Args:
        path: of the file.
        follow_links: whether the path may be a link to a regular file.

    Raises:
        OSError: when there is none, it is something else, or cannot be opened.

    Example:
        >>> open_regular(Path("/dev/zero"))
        Traceback (most recent call last):
        ...
        OSError: [Errno 22] it is a device, not a file: '/dev/zero'
    """
    # Checked before opening, because opening some devices has effects, and again afterwards,
    # because the path may have become something else.
    _check_regular(path, path.stat(follow_symlinks=follow_links))
    flags = os.O_RDONLY | _FLAGS | (0 if follow_links else getattr(os, "O_NOFOLLOW", 0))
    return os.fdopen(_open_checked(path, flags), "rb")


def read_regular(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """Return the content of a regular file of at most `max_bytes`.

    Raises:
        OSError: as `open_regular`, and when the file is larger.
    """
    with open_regular(path, follow_links=follow_links) as file:
        # Not all at once: reading so many bytes would take the memory for as many.
        at_once = max(os.fstat(file.fileno()).st_size, _BLOCK_BYTES)
        content = b""
        while chunk := file.read(min(max_bytes + 1 - len(content), at_once)):
            content += chunk
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes:,} bytes", str(path))
    return content


def append_to_regular(path: Path, content: bytes) -> None:
    """Append to a regular file in a single write, and create it if there is none.

    A link is not followed, so that other users of the folder cannot redirect what is written.

    Raises:
        OSError: when that cannot be done, or only in part because the disk is full.
    """
    with suppress(FileNotFoundError):
        _check_regular(path, path.lstat())
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _FLAGS | getattr(os, "O_NOFOLLOW", 0)
    handle = _open_checked(path, flags)
    try:
        if os.write(handle, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(handle)


def _open_checked(path: Path, flags: int) -> int:
    handle = os.open(path, flags, 0o666)
    try:
        _check_regular(path, os.fstat(handle))
    except OSError:
        os.close(handle)
        raise
    return handle


def _check_regular(path: Path, status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link", str(path))
    found = next((text for is_kind, text in _KINDS if is_kind(mode)), "it is not a regular file")
    raise OSError(errno.EINVAL, found, str(path))
