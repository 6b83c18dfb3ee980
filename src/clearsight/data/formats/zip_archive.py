"""Images in a ZIP archive, read without unpacking it to disk."""

import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clearsight.data.folder_contents import FolderContents
from clearsight.data.formats.archive_members import (
    MAX_MEMBERS,
    MemberCollector,
    too_many_members,
)
from clearsight.data.formats.damage import DAMAGE, damaged_image, report_damage
from clearsight.data.image_suffixes import START_BYTES
from clearsight.data.limits import MAX_IMAGE_BYTES, too_large
from clearsight.errors import DataError
from clearsight.io.regular_file import open_regular

_ENCRYPTED = 0x1  # bits of a member's flags
_UTF_8 = 0x800
# The end record; in large archives it follows the 64-bit one and its locator
# (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.14 to 4.3.16).
_END = b"PK\x05\x06"
_END_BYTES, _MAX_COMMENT_BYTES = 22, 65_536  # Python looks that far
_END_64, _END_64_BYTES = b"PK\x06\x06", 56
_LOCATOR_64, _LOCATOR_64_BYTES = b"PK\x06\x07", 20
_MAX_TARGET_BYTES = 4096  # the path that a link leads to
_ENTRY_BYTES = 46  # an entry of the directory, without its name


@dataclass(frozen=True)
class ZipReader:
    """Reads images that are members of a ZIP archive.

    Attributes:
        path: the archive.
        names: for each key the member's name as Python reads it.
    """

    path: str
    names: Mapping[str, str]

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read the members in the order of the archive; see `Reader`."""
        try:
            archive = zipfile.ZipFile(self.path)
        except DAMAGE as error:
            for key in keys:
                yield key, damaged_image(key, error)
            return
        with archive:
            members = {key: archive.NameToInfo.get(self.names.get(key, "")) for key in keys}
            for key, member in members.items():
                if member is None:
                    yield key, DataError(f"{key} should be in {self.path}, but no longer is.")
            found = ((key, member) for key, member in members.items() if member is not None)
            for key, member in sorted(found, key=lambda pair: pair[1].header_offset):
                yield key, _read(archive, member, key)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, key: str) -> bytes | DataError:
    if member.file_size > MAX_IMAGE_BYTES:
        return too_large(key, member.file_size)
    try:
        with archive.open(member) as file:
            # Never more than the directory says, whatever the data unpack to.
            return file.read(member.file_size + 1)
    except DAMAGE as error:
        return damaged_image(key, error)


def open_zip(path: Path) -> tuple[FolderContents[str], ZipReader]:
    """List what a ZIP archive contains.

    Raises:
        DataError: when it is damaged, encrypted or has too many members.
    """
    members: MemberCollector[str] = MemberCollector(str(path))
    with report_damage(path, "a ZIP archive"), open_regular(path) as file:
        check_directory(file, str(path))
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                _add(member, members, archive)
            contents = members.finish()
            for key, name in contents.images.items():
                if archive.getinfo(name).flag_bits & _ENCRYPTED:
                    raise DataError(
                        f"{path} should be a ZIP archive without a password, but {key} is "
                        "encrypted: unpack it and give the folder."
                    )
    return contents, ZipReader(str(path.resolve()), contents.images)


def _add(member: zipfile.ZipInfo, members: MemberCollector[str], archive: zipfile.ZipFile) -> None:
    def read(num_bytes: int) -> bytes:
        try:
            with archive.open(member) as file:
                return file.read(num_bytes)
        except DAMAGE:  # which is reported when the image is read
            return b""

    name = _decoded_name(member)
    file_type = stat.S_IFMT(member.external_attr >> 16)  # if the archive was written on Unix
    if name.endswith(("/", "\\")):
        members.add_folder(name)
    elif file_type == stat.S_IFLNK:
        members.add_link(name, read(_MAX_TARGET_BYTES).decode("utf-8", "surrogateescape"))
    elif file_type in (0, stat.S_IFREG):
        members.add_file(name, member.filename, lambda: read(START_BYTES))
    else:
        members.add_device(name)


def _decoded_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name, decoded with the encoding that it really has.

    Names without the UTF-8 flag should be in code page 437, but most programs for Linux and macOS
    write UTF-8 without setting it.
    """
    if member.flag_bits & _UTF_8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def check_directory(file: BinaryIO, name: str, max_members: int = MAX_MEMBERS) -> None:
    """Count the entries of a ZIP archive's directory before Python makes an object of each.

    Args:
        file: the archive.
        name: what to call it.
        max_members: how many it may have.

    Raises:
        DataError: when there are more.
    """
    for end, size in _directories(file):
        if size // _ENTRY_BYTES <= max_members:
            continue
        file.seek(max(end - size, 0))
        for _ in range(max_members + 1):
            entry = file.read(_ENTRY_BYTES)
            if len(entry) < _ENTRY_BYTES or entry[:4] != b"PK\x01\x02":
                break  # Python explains what is wrong
            file.seek(sum(struct.unpack_from("<3H", entry, 28)), 1)  # name, extra field, comment
        else:
            raise too_many_members(name, max_members)


def _directories(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Find where a directory may end, and its size: all that some version of Python would read."""
    length = file.seek(0, 2)
    begin = file.seek(max(length - _END_BYTES - _MAX_COMMENT_BYTES, 0))
    tail = file.read()
    for index in {len(tail) - _END_BYTES, tail.rfind(_END)}:
        if not 0 <= index <= len(tail) - _END_BYTES or not tail.startswith(_END, index):
            continue
        end = begin + index
        yield end, struct.unpack_from("<L", tail, index + 12)[0]
        locator_begin = end - _LOCATOR_64_BYTES
        locator = _read_at(file, locator_begin, _LOCATOR_64_BYTES)
        if locator.startswith(_LOCATOR_64):
            for end_64 in {locator_begin - _END_64_BYTES, *struct.unpack_from("<Q", locator, 8)}:
                record = _read_at(file, end_64, _END_64_BYTES)
                if record.startswith(_END_64):
                    yield end_64, struct.unpack_from("<Q", record, 40)[0]


def _read_at(file: BinaryIO, position: int, num_bytes: int) -> bytes:
    """Return bytes of a file, none if they are not all in it."""
    if not 0 <= position <= file.seek(0, 2) - num_bytes:
        return b""
    file.seek(position)
    return file.read(num_bytes)
