"""The cache of decoded images: the next start reads no image file again.

Each folder of arrays is named by a digest of its content. An index leads to it from a key of the
source: names, sizes and times of its files, and the options that they are read with.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clearsight.data.decoding.arrays import ARRAYS
from clearsight.data.preparation.pixel_range import PixelRange
from clearsight.errors import OutputError
from clearsight.io.atomic import write_atomically
from clearsight.io.cache_folder import cache_folder

_UNUSED_DAYS = 60  # decoded images that were not used for so long are removed
_STALE_DAYS = 1  # so are those of a killed process
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
    """Create a folder to decode into, which is removed if the block raises.

    Raises:
        OutputError: when the folder, or a file in the block, cannot be written.
    """
    folder = None
    try:
        _cache().mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=_cache()))
        yield folder
    except BaseException as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise _cannot_write(_cache(), error) from error
        raise


def _cannot_write(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Decoded images cannot be written to {folder}: {error.strerror or error}. Set the "
        "environment variable CLEARSIGHT_CACHE to another folder."
    )


def save(new: DecodedImages, key: str, content: str) -> DecodedImages:
    """Move newly decoded images into the cache, under their source's key and a content digest.

    Their folder, from `new_folder`, is removed if the cache has the same content already.
    """
    folder = _cache() / content
    for path in new.folder.iterdir():
        if path.stem not in ARRAYS:
            path.unlink()
    with write_atomically(new.folder / "sizes.json") as temporary:
        temporary.write_text(json.dumps(_file_sizes(new.folder)))
    if folder.exists() and not _is_complete(folder):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        new.folder.rename(folder)
    except OSError as error:
        if not _is_complete(folder):
            raise _cannot_write(folder, error) from error
        # Another process, or another source with the same images, was first.
        shutil.rmtree(new.folder, ignore_errors=True)
    with write_atomically(_index_path(key)) as temporary:
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
    now = time.time()
    for pattern, days in (("*/sizes.json", _UNUSED_DAYS), (".new-*/images.npy", _STALE_DAYS)):
        for path in _cache().glob(pattern):
            with suppress(OSError):  # another process may be removing it too
                if path.stat().st_mtime < now - days * _SECONDS_PER_DAY:
                    shutil.rmtree(path.parent, ignore_errors=True)
