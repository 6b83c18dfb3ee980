"""Checking that a run's folder holds its own files only, before anything is written into it."""

import os
import stat
from pathlib import Path

from clearsight.errors import RunError


def check_own_files(folder: Path) -> None:
    """Check that what is written into a run's folder ends up there.

    A folder from somebody else may hold links, so that checkpoints, for example, would be written
    and deleted elsewhere. clearsight makes none. A link to a file does no harm, because files are
    replaced and not written to.

    Raises:
        RunError: when it holds a link to a folder or to nothing, a pipe, a socket or a device.
    """
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) or os.path.isfile(path):
                continue
            what = f"a link to {path.readlink()}" if stat.S_ISLNK(mode) else "no file"
            raise RunError(
                f"{folder} should hold files and folders only, but {path.relative_to(folder)} is "
                f"{what}, and nothing is written through it: replace it with what belongs there, "
                "or delete it."
            )
