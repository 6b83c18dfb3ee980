"""The cache of decoded images: the next start reads no image file again.

Each folder of arrays is named by a digest of its content. An index leads to it from a key of the
source: names, sizes and times of its files, and the options that they are read with.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clearsight.data.decoding.arrays import ARRAYS
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.io.atomic import write_atomically
from clearsight.io.cache_folder import ANOTHER_CACHE, cache_folder
from clearsight.io.temporary import remove_leftovers, temporary_directory
from clearsight.io.write_error import explained_write_errors

_UNUSED_DAYS = 60  # decoded images that were not used for so long are removed
_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class DecodedImages:
    """Decoded images on disk.

    Attributes:
        folder: the folder of their arrays.
        height, width, channels: the shape of every image.
        problems: what is wrong with the images that cannot be decoded, by key.
        notes: sentences for the user, e.g. why they have that shape.
        pixel_range: the values that became 0 and 255 in deep images; None if all had 8 bits.
        test_rows: the rows of training images held out as the test set, as they were decoded.
    """

    folder: Path
    height: int
    width: int
    channels: int
    problems: dict[str, str]
    notes: tuple[str, ...]
    pixel_range: PixelRange | None
    test_rows: tuple[int, ...] = ()


def find(key: str) -> DecodedImages | None:
    """Return the complete decoded images of a source, or None."""
    try:
        found = DecodedImages(**json.loads(_index_path(key).read_bytes()))
        found = replace(
            found,
            folder=_cache() / found.folder,
            notes=tuple(found.notes),
            pixel_range=None if found.pixel_range is None else PixelRange(*found.pixel_range),
        )
    except (OSError, TypeError, ValueError):
        return None
    if not _is_complete(found.folder):
        return None
    with suppress(OSError):  # a read-only cache is as good
        os.utime(found.folder / "sizes.json")
    return found


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


def save(new: DecodedImages, key: str, content: str) -> DecodedImages:
    """Move newly decoded images into the cache, under their source's key and a content digest.

    Their folder, from `new_folder`, is left there if the cache has the same content already.

    Raises:
        OSError: when it cannot be moved.
    """
    folder = _cache() / content
    for path in new.folder.iterdir():
        if path.stem not in ARRAYS:
            path.unlink()
    with write_atomically(new.folder / "sizes.json", ANOTHER_CACHE) as temporary:
        temporary.write_text(json.dumps(_file_sizes(new.folder)))
    if folder.exists() and not _is_complete(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        new.folder.rename(folder)
    except OSError:
        # Another process, or another source with the same images, may have been first.
        if not _is_complete(folder):
            raise
    with write_atomically(_index_path(key), ANOTHER_CACHE) as temporary:
        temporary.write_text(json.dumps({**asdict(new), "folder": content}))
    _remove_unused()
    return replace(new, folder=folder)


def _cache() -> Path:
    return cache_folder("decoded")


def _index_path(key: str) -> Path:
    return _cache() / "index" / f"{key}.json"


def _is_complete(folder: Path) -> bool:
    try:
        return json.loads((folder / "sizes.json").read_bytes()) == _file_sizes(folder)
    except (OSError, ValueError):
        return False


def _file_sizes(folder: Path) -> dict[str, int]:
    return {name: (folder / f"{name}.npy").stat().st_size for name in ARRAYS}


def _remove_unused() -> None:
    remove_leftovers(_index_path("").parent)
    for path in _cache().glob("*/sizes.json"):
        with suppress(OSError):  # another process may be removing it too
            if path.stat().st_mtime < time.time() - _UNUSED_DAYS * _SECONDS_PER_DAY:
                shutil.rmtree(path.parent, ignore_errors=True)
