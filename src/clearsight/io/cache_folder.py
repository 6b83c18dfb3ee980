"""The cache folder, for what can be downloaded or computed again."""

import logging
import os
import stat
from functools import cache
from pathlib import Path

import platformdirs

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically

# What to do when the cache folder cannot be written.
ANOTHER_CACHE = "set the environment variable CLEARSIGHT_CACHE to another folder"
_log = logging.getLogger(__name__)


def cache_folder(name: str) -> Path:
    """Return a folder in ``$CLEARSIGHT_CACHE``, or else in the user's cache.

    It is logged as a warning, once, if other users can change what is in it.
    """
    chosen = os.environ.get("CLEARSIGHT_CACHE")
    folder = Path(chosen) if chosen else user_cache_folder("")
    _check_owner(folder)
    return folder / name


def user_cache_folder(name: str) -> Path:
    """Return a folder in the user's cache, whatever ``$CLEARSIGHT_CACHE`` is."""
    return platformdirs.user_cache_path("clearsight") / name


@cache
def _check_owner(folder: Path) -> None:
    if not hasattr(os, "getuid"):  # Windows has no such permissions
        return
    try:
        state = folder.stat()
    except OSError:  # it is created when something is cached
        return
    # Root may use any user's cache, as in a container.
    is_foreign = os.getuid() not in (0, state.st_uid) and state.st_uid != 0
    if is_foreign or state.st_mode & stat.S_IWOTH:
        _log.warning(
            "Other users can change files in the cache %s, such as the images that you train on: "
            "set the environment variable CLEARSIGHT_CACHE to a folder that only you can write to.",
            folder,
        )


def save_to_cache(contents: dict[str, bytes], folder: Path, what: str) -> None:
    """Write downloaded files to a cache folder; one that cannot be written is only a warning.

    Args:
        contents: the files' content by name.
        folder: the cache folder.
        what: what the files are, for the warning.
    """
    try:
        for name, content in contents.items():
            with write_atomically(folder / name, ANOTHER_CACHE) as temporary:
                temporary.write_bytes(content)
    except OutputError as error:
        _log.warning("%s will be downloaded again next time: %s", what, error)
