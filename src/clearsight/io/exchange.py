"""Exchanging two paths in one step, where the system supports it."""

import ctypes
import errno
import os
from pathlib import Path

_AT_FDCWD = -100  # paths are relative to the current folder
_RENAME_EXCHANGE = 2
# What a kernel, a filesystem or a sandbox without it answers.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


def exchange(first: Path, second: Path) -> bool:
    """Exchange two paths on one filesystem; no reader ever finds one of them missing.

    This is renameat2(2) of Linux. Links are not followed.

    Returns:
        Whether it was done; False if the system or the filesystem cannot do it.

    Raises:
        OSError: if it fails otherwise, for instance because one of the paths does not exist.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("a", "b"):
        ...     _ = (folder / name).write_text(name)
        >>> if exchange(folder / "a", folder / "b"):
        ...     assert (folder / "a").read_text() == "b"
    """
    if os.name != "posix":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:  # another system than Linux, or a C library from before 2018
        return False
    old, new = os.fsencode(first), os.fsencode(second)
    if rename(_AT_FDCWD, old, _AT_FDCWD, new, ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(first), None, str(second))
