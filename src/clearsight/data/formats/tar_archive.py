"""Images in a tar archive, plain or compressed, read without unpacking it to disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from clearsight.data.formats.members import (
    MOST_IMAGE_BYTES,
    Kind,
    Members,
    damaged_member,
    too_large,
)
from clearsight.data.formats.reason import reason_of
from clearsight.errors import DataError

# What a damaged or hostile stream makes Python raise: long chains of headers nest its calls.
DAMAGE = (
    tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, OverflowError,
    RecursionError, KeyError,
)  # fmt: skip
_BLOCK_BYTES = 512
# Images are compressed already. A stream that unpacks to far more than it is long, and to more
# than a moment takes, holds nothing to learn from: gzip reaches 1,000 times and xz 7,000.
_MOST_RATIO = 100
_ALWAYS_ALLOWED_BYTES = 500_000_000

Place = tuple[int, int]  # where a member begins in the unpacked archive, and how long it is, bytes


@dataclass(frozen=True)
class TarReader:
    """Reads images that are members of a tar archive.

    Attributes:
        path: the archive.
        places: for each key where its content begins in the unpacked archive, and its size, bytes.
        is_compressed: whether the archive must be read from its beginning to reach any place.
    """

    path: str
    places: Mapping[str, Place]
    is_compressed: bool

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read the members in the order in which they lie in the archive; see `Reader`."""
        waiting = sorted((self.places[key], key) for key in keys)
        num_read, problem = 0, None
        try:
            with unpacked(self.path) as file:
                for (begin, size), key in waiting:
                    content = _read(file, begin, size, key)
                    num_read += 1
                    yield key, content
        except DAMAGE as error:
            problem = error
        for _, key in waiting[num_read:]:
            yield key, damaged_member(key, problem)


def _read(file: IO[bytes], begin: int, size: int, key: str) -> bytes | DataError:
    if size > MOST_IMAGE_BYTES:
        return too_large(key, size)
    file.seek(begin)  # of a compressed file: unpacks what lies between, a little at a time
    content = file.read(size)
    return content if len(content) == size else damaged_member(key, "it is cut short")


def list_tar(path: Path) -> Members[Place]:
    """List what a tar archive holds, with where each image lies in it when it is unpacked.

    Raises:
        DataError: when it is damaged, has absurdly many members or unpacks to absurdly much.
    """
    members: Members[Place] = Members(str(path))
    try:
        with unpacked(path) as file:
            guarded = _Guarded(file)
            for member in _each_member(guarded, path):
                place = (member.offset_data, member.size)
                members.add(_readable_name(member), _kind_of(member), place)
            # Python takes whatever is no header for the end.
            if len(guarded.last) not in (0, _BLOCK_BYTES) or any(guarded.last):
                raise tarfile.ReadError("what follows the last member is no header")
            if not guarded.last:
                members.notes.append(f"{path} has no mark at its end: it may be cut short.")
    except DAMAGE as error:
        raise DataError(
            f"{path} should be a tar archive, but is damaged or cut short ({reason_of(error)}): "
            "get it again."
        ) from error
    return members


def first_files(path: Path, count: int) -> Iterator[tuple[str, IO[bytes], int]]:
    """Give the first files in a tar archive.

    Args:
        path: the archive.
        count: how many at most.

    Yields:
        Each file's path in the archive, the unpacked archive set to its content, and its size in
        bytes.

    Raises:
        One of `DAMAGE`: when the archive cannot be read so far.
    """
    with unpacked(path) as file:
        for member in _each_member(_Guarded(file), path):
            if member.isreg() and not member.issparse():
                file.seek(member.offset_data)
                yield _readable_name(member), file, member.size
                count -= 1
            if count <= 0:
                break


def is_compressed(path: Path) -> bool:
    """Tell by its first bytes whether a tar archive is compressed."""
    return _compression(path) is not None


@contextmanager
def unpacked(path: str | Path) -> Iterator[IO[bytes]]:
    """Open an archive as the tar stream in it, which is unpacked as it is read."""
    opener = _compression(path)
    if opener is None:
        with open(path, "rb") as file:  # noqa: PTH123 - text or a path, like the other openers
            yield file
        return
    with opener(path, "rb") as file:
        yield cast(IO[bytes], file)


def _compression(path: str | Path):
    """Return the opener of the standard library that unpacks a file, or None for a plain one."""
    with open(path, "rb") as file:  # noqa: PTH123
        magic = file.read(6)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open
    if magic[:3] == b"BZh":
        return bz2.open
    return lzma.open if magic == b"\xfd7zXZ\x00" else None


class _Guarded:
    """A file as tarfile reads headers from it: never much at once, and never backwards.

    Headers say how long the names are that follow them, and tarfile reads as much as they say.

    Attributes:
        last: what the last call of `read` gave.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MOST_IMAGE_BYTES:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, place: int) -> int:
        if place < self._file.tell() - 1:
            raise tarfile.ReadError("a header leads backwards")
        return self._file.seek(place)

    def tell(self) -> int:
        return self._file.tell()


def _each_member(file: _Guarded, path: Path) -> Iterator[tarfile.TarInfo]:
    most = None
    if is_compressed(path):
        most = max(_MOST_RATIO * path.stat().st_size, _ALWAYS_ALLOWED_BYTES)
    with tarfile.TarFile(fileobj=cast(IO[bytes], file), mode="r") as archive:
        while (member := archive.next()) is not None:
            vars(archive)["members"].clear()  # tarfile would keep every one
            if most is not None and archive.offset > most:
                raise tarfile.ReadError(
                    f"it unpacks to more than {_MOST_RATIO} times its size, as no images do"
                )
            yield member


def _kind_of(member: tarfile.TarInfo) -> Kind:
    if member.isdir():
        return "folder"
    # A sparse file claims to be of any size without holding anything.
    return "file" if member.isreg() and not member.issparse() else "other"


def _readable_name(member: tarfile.TarInfo) -> str:
    """Return a member's name, with a mark for every byte that is no UTF-8."""
    return member.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
