"""Images in a ZIP archive, read without unpacking it to disk."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from clearsight.data.formats.members import (
    MOST_IMAGE_BYTES,
    MOST_MEMBERS,
    Kind,
    Members,
    damaged_member,
    inner_path,
    too_large,
    too_many_members,
)
from clearsight.data.formats.reason import reason_of
from clearsight.errors import DataError

_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError,
    RuntimeError, ValueError, struct.error,
)  # fmt: skip
_ENCRYPTED = 0x1  # bits of a member's flags
_UTF_8 = 0x800
# The end record: its magic, and how it and the 64-bit one before it are laid out
# (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.14 to 4.3.16).
_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 65_535
_ENTRY_BYTES = 46  # of the directory, without its name


@dataclass(frozen=True)
class ZipReader:
    """Reads images that are members of a ZIP archive.

    Attributes:
        path: the archive.
    """

    path: str

    def each(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | DataError]]:
        """Read the members in the order in which they lie in the archive; see `Reader`."""
        try:
            archive = zipfile.ZipFile(self.path)
        except _DAMAGE as error:
            for key in keys:
                yield key, damaged_member(key, error)
            return
        with archive:
            members = {
                key_of(member): member
                for member in archive.infolist()
                if _kind_of(member) == "file"
            }
            found = [(members[key].header_offset, key) for key in keys if key in members]
            for _, key in sorted(found):
                yield key, _read(archive, members[key], key)
            for key in keys:
                if key not in members:
                    yield key, DataError(f"{key} should be in {self.path}, but is not any more.")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, key: str) -> bytes | DataError:
    if member.file_size > MOST_IMAGE_BYTES:
        return too_large(key, member.file_size)
    try:
        with archive.open(member) as file:
            # No more than what the directory says comes out, whatever the data unpack to.
            return file.read(member.file_size + 1)
    except _DAMAGE as error:
        return damaged_member(key, error)


def list_zip(path: Path) -> Members[None]:
    """List what a ZIP archive holds.

    Raises:
        DataError: when it is damaged, encrypted or has absurdly many members.
    """
    members: Members[None] = Members(str(path))
    try:
        with path.open("rb") as file:
            _check_directory(file, str(path))
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    members.add(_readable_name(member), _kind_of(member), None)
                    if member.flag_bits & _ENCRYPTED and key_of(member) in members.places:
                        raise DataError(
                            f"{path} should be a ZIP archive without a password, but "
                            f"{key_of(member)} is encrypted: unpack it and give the folder."
                        )
    except _DAMAGE as error:
        raise DataError(
            f"{path} should be a ZIP archive, but cannot be read ({reason_of(error)}): get it "
            "again."
        ) from error
    return members


def key_of(member: zipfile.ZipInfo) -> str:
    """Return a member's path with "/" between names, as `Members` writes it."""
    return "/".join(inner_path(_readable_name(member)) or ())


def _readable_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name in the encoding it has.

    Names without the mark for UTF-8 should be in code page 437, but most programs for Linux and
    macOS write UTF-8 without it.
    """
    if member.flag_bits & _UTF_8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _kind_of(member: zipfile.ZipInfo) -> Kind:
    if _readable_name(member).endswith(("/", "\\")):
        return "folder"
    mode = member.external_attr >> 16  # as Unix has it, where the archive was written there
    return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "other"


def _check_directory(file: BinaryIO, name: str) -> None:
    """Count the directory's entries before Python makes an object of each.

    Raises:
        DataError: when there are absurdly many.
    """
    end = file.seek(0, 2)
    tail_begin = max(end - _END_BYTES - _LONGEST_COMMENT, 0)
    file.seek(tail_begin)
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        return  # Python says what is wrong
    size = struct.unpack_from("<L", tail, place + 12)[0]
    end_64 = tail.rfind(_END_64, 0, place)
    if end_64 >= 0 and place - end_64 >= 48:
        size = struct.unpack_from("<Q", tail, end_64 + 40)[0]
        place = end_64
    if size // _ENTRY_BYTES <= MOST_MEMBERS:
        return
    file.seek(max(tail_begin + place - size, 0))
    for _ in range(MOST_MEMBERS + 1):
        entry = file.read(_ENTRY_BYTES)
        if len(entry) < _ENTRY_BYTES or entry[:4] != b"PK\x01\x02":
            return
        file.seek(sum(struct.unpack_from("<3H", entry, 28)), 1)  # name, extra field, comment
    raise too_many_members(name)
