"""Images in a tar archive, plain or compressed, read without unpacking it to disk."""

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from clearsight.data.folder_contents import FolderContents
from clearsight.data.formats.archive_members import MemberCollector
from clearsight.data.formats.compression import is_compressed, open_unpacked
from clearsight.data.formats.damage import DAMAGE, damaged_image, report_damage
from clearsight.data.image_suffixes import START_BYTES
from clearsight.data.limits import MAX_IMAGE_BYTES, MAX_RATIO, max_unpacked_bytes, too_large
from clearsight.errors import DataError
from clearsight.io.readable_name import readable_name

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_BLOCK_BYTES = 512
_ALWAYS_ALLOWED_BYTES = 500_000_000

Extent = tuple[int, int]  # where a member begins in the unpacked archive, and its size, bytes


@dataclass(frozen=True)
class TarReader:
    """Reads images that are members of a tar archive.

    Attributes:
        path: the archive.
        extents: for each key where its content begins in the unpacked archive, and its size, bytes.
        is_compressed: whether the archive has to be read from its beginning.
    """

    path: str
    extents: Mapping[str, Extent]
    is_compressed: bool

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read the members in the order of the archive; see `Reader`."""
        waiting = sorted((self.extents[key], key) for key in keys)
        num_read, problem = 0, None
        try:
            with open_unpacked(self.path) as file:
                for (begin, size), key in waiting:
                    content = _read(file, begin, size, key)
                    num_read += 1
                    yield key, content
        except DAMAGE as error:
            problem = error
        for _, key in waiting[num_read:]:
            yield key, damaged_image(key, problem)


def _read(file: IO[bytes], begin: int, size: int, key: str) -> bytes | DataError:
    if size > MAX_IMAGE_BYTES:
        return too_large(key, size)
    file.seek(begin)  # in a compressed file: unpacks everything up to there, a little at a time
    content = file.read(size)
    return content if len(content) == size else damaged_image(key, "it is cut short")


def open_tar(path: Path) -> tuple[FolderContents[Extent], TarReader]:
    """List what a tar archive contains.

    Raises:
        DataError: when it is damaged, has too many members or unpacks to far too much.
    """
    members: MemberCollector[Extent] = MemberCollector(str(path))
    with report_damage(path, "a tar archive"), open_unpacked(path) as file:
        guarded = _GuardedFile(file)
        for member in _each_member(guarded, path):
            _add(member, members, guarded)
        # Python takes anything that is not a header for the end.
        if len(guarded.last) not in (0, _BLOCK_BYTES) or any(guarded.last):
            raise tarfile.ReadError("what follows the last member is no header")
        has_end_marker = bool(guarded.last)
    contents = members.finish()
    if not has_end_marker:
        contents.notes.append(f"{contents.source} has no end marker: it may be cut short.")
    return contents, TarReader(str(path.resolve()), contents.images, is_compressed(path))


def _add(member: tarfile.TarInfo, members: MemberCollector[Extent], file: "_GuardedFile") -> None:
    begin, size = member.offset_data, member.size

    def read_start() -> bytes:
        file.seek(begin)
        return file.read(min(START_BYTES, size))

    if _is_file(member):
        members.add_file(member.name, (begin, size), read_start)
    elif member.isdir():
        members.add_folder(member.name)
    elif member.issym() or member.islnk():
        members.add_link(member.name, member.linkname, is_hard=member.islnk())
    else:
        members.add_device(member.name)


def first_files(path: Path, count: int) -> Iterator[tuple[str, IO[bytes], int]]:
    """Iterate over the first `count` files in a tar archive.

    Yields:
        Each file's path in the archive, the unpacked archive set to its content, and its size in
        bytes.

    Raises:
        One of `DAMAGE`: when the archive cannot be read so far.
    """
    with open_unpacked(path) as file:
        for member in _each_member(_GuardedFile(file), path):
            if _is_file(member):
                file.seek(member.offset_data)
                yield readable_name(member.name), file, member.size
                count -= 1
            if count <= 0:
                break


class _GuardedFile:
    """A file from which tarfile reads headers: never too much at once, and never backwards.

    Headers give the length of the names that follow them, and tarfile reads as much as they say.

    Attributes:
        last: what the last call of `read` returned.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_IMAGE_BYTES:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, position: int) -> int:
        if position < self._file.tell() - 1:
            raise tarfile.ReadError("a header leads backwards")
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


def _each_member(file: _GuardedFile, path: Path) -> Iterator[tarfile.TarInfo]:
    limit = None
    if is_compressed(path):
        limit = max_unpacked_bytes(path.stat().st_size, _ALWAYS_ALLOWED_BYTES)
    with tarfile.TarFile(fileobj=cast(IO[bytes], file), mode="r") as archive:
        while (member := archive.next()) is not None:
            vars(archive)["members"].clear()  # tarfile would keep every one
            if limit is not None and archive.offset > limit:
                raise tarfile.ReadError(
                    f"it unpacks to more than {MAX_RATIO} times its size, as no images do"
                )
            yield member


def _is_file(member: tarfile.TarInfo) -> bool:
    # A sparse file can claim any size without containing anything.
    return member.isreg() and not member.issparse()
