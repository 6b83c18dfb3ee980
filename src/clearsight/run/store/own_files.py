"""Checking that a run's folder holds its own files only, before anything is written into it."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from clearsight.errors import RunError
from clearsight.io.folder_entries import entries_below


def check_own_files(folder: Path) -> None:
    """Check that what is written into a run's folder ends up there.

    A folder from somebody else may hold links, so that checkpoints, for example, would be written
    and deleted elsewhere. clearsight makes none. A link to a file does no harm, because files are
    replaced and not written to.

    Raises:
        RunError: when it holds a link to a folder or to nothing, a pipe, a socket or a device.
    """
    for entry in entries_below(folder):
        if entry.is_dir(follow_symlinks=False) or os.path.isfile(entry.path):
            continue
        with suppress(FileNotFoundError):  # a running training replaces its files
            mode = entry.stat(follow_symlinks=False).st_mode
            what = f"a link to {Path(entry.path).readlink()}" if stat.S_ISLNK(mode) else "no file"
            name = os.path.relpath(entry.path, folder)
            raise RunError(
                f"{folder} should hold files and folders only, but {name} is {what}, and nothing "
                "is written through it: replace it with what belongs there, or delete it."
            )
