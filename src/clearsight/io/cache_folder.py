"""The folder for what can be fetched or computed again."""

import logging
import os
from pathlib import Path

import platformdirs

from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically

# What to do when it cannot be written.
ANOTHER_CACHE = "set the environment variable CLEARSIGHT_CACHE to another folder"
_log = logging.getLogger(__name__)


def cache_folder(name: str) -> Path:
    """Return a folder in ``$CLEARSIGHT_CACHE``, or else in the user's cache."""
    cache = os.environ.get("CLEARSIGHT_CACHE")
    return Path(cache) / name if cache else user_cache_folder(name)


def user_cache_folder(name: str) -> Path:
    """Return a folder in the user's cache, where nothing is written if another is chosen."""
    return platformdirs.user_cache_path("clearsight") / name


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
