"""The cache of decoded images: the next start reads no image file again.

Each folder of arrays is named by a digest of its content. An index leads to it from a key of the
source: names, sizes and times of its files, and the options that they are read with. Both are
checked whenever they are used: damaged ones are never trained on.
"""

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clearsight.data.decoding.arrays import ARRAYS
from clearsight.data.decoding.verification import content_digest, find_damage
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.errors import DataError
from clearsight.io.cache_folder import ANOTHER_CACHE, cache_folder
from clearsight.io.checked_file import read_checked, write_checked
from clearsight.io.temporary import remove_leftovers, temporary_directory
from clearsight.io.write_error import explained_write_errors

_log = logging.getLogger(__name__)
_NAME = re.compile("[0-9a-f]{64}")  # of a folder of arrays
_UNUSED_DAYS = 60  # decoded images that were not used for so long are removed
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class DecodedImages:
    """Decoded images on disk.

    Attributes:
        folder: the folder of their arrays.
        height, width, channels: the shape of every image.
        problems: what is wrong with the images that cannot be decoded, by key.
        notes: sentences for the user.
        pixel_range: the values that became 0 and 255 in deep images; None if all had 8 bits.
        test_rows: the rows of training images held out as the test set, as they were decoded.
        decisions: sentences about why they have that shape.
    """

    folder: Path
    height: int
    width: int
    channels: int
    problems: dict[str, str]
    notes: tuple[str, ...]
    pixel_range: PixelRange | None
    test_rows: tuple[int, ...] = ()
    decisions: tuple[str, ...] = ()


def find(key: str) -> DecodedImages | None:
    """Return the decoded images of a source, or None if there are none.

    Every byte is checked; damaged ones are reported, and None is returned.
    """
    try:
        index = read_checked(_index_path(key))
    except DataError as error:
        return _report_damage(_index_path(key), str(error))
    if index is None:
        return None
    found = DecodedImages(**json.loads(index))
    found = replace(
        found,
        folder=_cache() / found.folder,
        notes=tuple(found.notes),
        pixel_range=None if found.pixel_range is None else PixelRange(*found.pixel_range),
        test_rows=tuple(found.test_rows),
        decisions=tuple(found.decisions),
    )
    if not found.folder.exists():  # not used for long
        return None
    if damage := find_damage(found.folder):
        return _report_damage(found.folder, damage)
    with suppress(OSError):  # a read-only cache is as good
        os.utime(found.folder / "images.npy")
    return found


def _report_damage(path: Path, damage: str) -> None:
    _log.warning("Decoded images in %s are damaged, %s: they are decoded again.", path, damage)


@contextmanager
def new_folder() -> Iterator[Path]:
    """Create a folder to decode into, which is removed at the end unless it was saved.

    Raises:
        OutputError: when the folder, or a file in the block, cannot be written.
    """
    new = _cache() / "new"
    with explained_write_errors(new, what="Decoded images", otherwise=ANOTHER_CACHE):
        _cache().mkdir(parents=True, exist_ok=True)
        with temporary_directory(new) as folder:
            yield folder


def save(new: DecodedImages, key: str) -> DecodedImages:
    """Move newly decoded images into the cache, under their source's key and their digest.

    Their folder, from `new_folder`, is left there if the cache has the same content already.

    Raises:
        OSError: when it cannot be moved.
    """
    folder = _cache() / content_digest(new.folder)
    for path in new.folder.iterdir():
        if path.stem in ARRAYS:
            _flush(path)
        else:
            path.unlink()
    _flush(new.folder)
    if find_damage(folder):  # or it is not there
        shutil.rmtree(folder, ignore_errors=True)
        try:
            new.folder.rename(folder)
        except OSError:
            if find_damage(folder):  # else another process was first
                raise
        _flush(_cache())
    index = json.dumps({**asdict(new), "folder": folder.name}).encode()
    write_checked(_index_path(key), index, ANOTHER_CACHE)
    _remove_unused()
    return replace(new, folder=folder)


def _flush(path: Path) -> None:
    """Have the system write a file or a folder to the disk, which it may otherwise do much later.

    Raises:
        OSError: when that fails.
    """
    if path.is_dir() and os.name == "nt":
        return  # Windows does so by itself
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cache() -> Path:
    return cache_folder("decoded")


def _index_path(key: str) -> Path:
    return _cache() / "index" / f"{key}.json"


def _remove_unused() -> None:
    remove_leftovers(_index_path("").parent)
    for path in _cache().glob("*/images.npy"):
        with suppress(OSError):  # another process may be removing it too
            is_unused = path.stat().st_mtime < time.time() - _UNUSED_DAYS * _SECONDS_PER_DAY
            if is_unused and _NAME.fullmatch(path.parent.name):
                shutil.rmtree(path.parent, ignore_errors=True)
