"""What is found at a path where something else was expected, for messages."""

import errno
import stat
from pathlib import Path


def what_is_at(path: Path, lacks: str = "") -> str:
    """Return what is at a path, to follow "PATH should be ..., but": "does not exist", "is a file".

    `lacks` is the file that a folder there does not have.

    Example:
        >>> what_is_at(Path("no such path")), what_is_at(Path("/"), lacks="run.json")
        ('does not exist', 'has no run.json')
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return "is a link to nothing" if path.is_symlink() else "does not exist"
    except OSError as error:
        is_absent = error.errno == errno.ENAMETOOLONG
        return "does not exist" if is_absent else f"cannot be opened ({error.strerror})"
    if not stat.S_ISDIR(mode):
        return "is a file" if stat.S_ISREG(mode) else "is a device, a pipe or a socket"
    return f"has no {lacks}" if lacks else "is a folder"
