"""Reading a ZIP archive of a few files that may come from anyone, in memory."""

import os
import struct
import zipfile
import zlib
from typing import BinaryIO

# What is raised for a damaged archive or member.
DAMAGED_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, ValueError, EOFError,
)  # fmt: skip
_MAX_DIRECTORY_BYTES = 2**17  # a thousand files
# The end record of 22 bytes precedes a comment, and follows the locator of a larger directory
# (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.15 and 4.3.16).
_END, _END_BYTES = b"PK\x05\x06", 22
_MAX_COMMENT_BYTES = 65_536  # Python looks that far, one byte further than the longest comment
_LOCATOR_64, _LOCATOR_64_BYTES = b"PK\x06\x07", 20
# Weights and photos hardly shrink when they are packed; a bomb shrinks a thousandfold.
_MAX_RATIO, _ALWAYS_ALLOWED_BYTES = 100, 64 * 2**20


class SmallArchive(zipfile.ZipFile):
    """An open archive of at most a thousand files."""

    def __init__(self, file: BinaryIO) -> None:
        """Open an archive.

        Args:
            file: with its content; it is not closed.

        Raises:
            ValueError: if it has far more files; see `DAMAGED_ARCHIVE` for damage.
        """
        self._num_bytes = _check_directory(file)
        super().__init__(file)

    def read_up_to(self, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
        """Unpack the first bytes of a member.

        Raises:
            ValueError: if it is packed by an unusual method, or would take far more memory than an
                archive of this size suggests; see `DAMAGED_ARCHIVE` for damage.
        """
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} is packed with another method than deflate")
        num_bytes = min(max_bytes, member.file_size)
        packed_bytes = min(member.compress_size, self._num_bytes)  # of which only one is a claim
        if num_bytes > _ALWAYS_ALLOWED_BYTES + _MAX_RATIO * packed_bytes:
            raise ValueError(
                f"{member.filename} would unpack from {packed_bytes:,} to {num_bytes:,} bytes"
            )
        with self.open(member) as file:
            return file.read(num_bytes)


def _check_directory(file: BinaryIO) -> int:
    """Check the size of the directory before Python makes an object of each entry.

    Returns:
        The archive's size in bytes.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _END_BYTES - _MAX_COMMENT_BYTES - _LOCATOR_64_BYTES))
    tail = file.read()
    # Python takes the first of these that has the signature.
    for start in (len(tail) - _END_BYTES, tail.rfind(_END)):
        if start < 0 or len(tail) - start < _END_BYTES or not tail.startswith(_END, start):
            continue
        (size,) = struct.unpack_from("<L", tail, start + 12)
        has_64 = tail.startswith(_LOCATOR_64, max(0, start - _LOCATOR_64_BYTES))
        if size > _MAX_DIRECTORY_BYTES or has_64:
            raise ValueError("it has far too many files")
    file.seek(0)
    return end
