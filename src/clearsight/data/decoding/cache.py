"""Decoded images kept on disk, so that a second start reads none of the files again.

What is kept lies in one folder a content, named by a digest of it. An index leads there from the
look of the source: names, sizes and times of its files, and the options that they are read with.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from clearsight.data.decoding.job import ARRAYS, open_arrays
from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.cache_folder import cache_folder

_UNUSED_DAYS = 60  # decoded images that were not used for so long are removed
_STALE_DAYS = 1  # what a killed process was decoding
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Decoded:
    """Images on disk, in the order of their rows.

    Attributes:
        folder: where the arrays are.
        height, width, channels: of every image.
        reason: why they have that size, in a sentence.
        problems: what is wrong with those that could not be decoded, by key.
    """

    folder: Path
    height: int
    width: int
    channels: int
    reason: str
    problems: dict[str, str]

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Map the arrays: images uint8 (N, H, W, C), digests uint8 (N, 16), facts int32 (N, 5).

        They are read-only, and take memory only for the parts in use.
        """
        images, digests, facts = (np.asarray(array) for array in open_arrays(self.folder, "r"))
        return images, digests, facts


def decoded_folder() -> Path:
    """Return the folder of decoded images, in the user's cache."""
    return cache_folder("decoded")


def find(look: str) -> Decoded | None:
    """Return what was decoded for this look of a source, if it is there and whole."""
    index = decoded_folder() / "index" / f"{look}.json"
    try:
        values = json.loads(index.read_bytes())
        found = Decoded(**{**values, "folder": decoded_folder() / values["folder"]})
        if not _is_whole(found.folder):
            return None
    except (OSError, TypeError, KeyError, ValueError):
        return None
    with suppress(OSError):  # a cache that may only be read is as good
        os.utime(found.folder / "sizes.json")
    return found


def new_folder() -> Path:
    """Make a folder to decode into.

    Raises:
        OutputError: when it cannot be made.
    """
    parent = decoded_folder()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    except OSError as error:
        raise OutputError(
            f"Decoded images should be kept in {parent}, but cannot be: {error.strerror}. Name "
            "another folder in the environment variable CLEARSIGHT_CACHE."
        ) from error


def keep(new: Decoded, look: str, content: str) -> Decoded:
    """Put newly decoded images in their place, and remember what they were decoded from.

    Args:
        new: in a folder of `new_folder`, which is moved or, when the same content is there
            already, removed.
        look: of the source.
        content: a digest of what was decoded.
    """
    place = decoded_folder() / content
    for path in new.folder.iterdir():
        if path.stem not in ARRAYS:
            path.unlink()
    with write_atomically(new.folder / "sizes.json") as temporary:
        temporary.write_text(json.dumps(_file_sizes(new.folder)))
    if place.exists() and not _is_whole(place):
        shutil.rmtree(place, ignore_errors=True)
    try:
        new.folder.rename(place)
    except OSError as error:
        if not _is_whole(place):
            raise OutputError(
                f"Decoded images should be kept in {place}, but cannot be: {error.strerror}."
            ) from error
        # Another process, or another source with the same images, was first.
        shutil.rmtree(new.folder, ignore_errors=True)
    values = {**asdict(new), "folder": content}
    with write_atomically(decoded_folder() / "index" / f"{look}.json") as temporary:
        temporary.write_text(json.dumps(values))
    _remove_unused()
    return Decoded(**{**values, "folder": place})


def _is_whole(folder: Path) -> bool:
    try:
        return json.loads((folder / "sizes.json").read_bytes()) == _file_sizes(folder)
    except (OSError, ValueError):
        return False


def _file_sizes(folder: Path) -> dict[str, int]:
    return {name: (folder / f"{name}.npy").stat().st_size for name in ARRAYS}


def _remove_unused() -> None:
    now = time.time()
    for pattern, days in (("*/sizes.json", _UNUSED_DAYS), (".new-*/images.npy", _STALE_DAYS)):
        for path in decoded_folder().glob(pattern):
            with suppress(OSError):  # another process may be removing it too
                if path.stat().st_mtime < now - days * _SECONDS_A_DAY:
                    shutil.rmtree(path.parent, ignore_errors=True)
