"""A ZIP archive from anyone: read in memory, or refused before it takes much of it."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearsight.io.small_archive import DAMAGED_ARCHIVE, SmallArchive


def packed(contents: dict[str, bytes], comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.comment = comment
    return file.getvalue()


def read(content: bytes, name: str, max_bytes: int = 100) -> bytes:
    with SmallArchive(io.BytesIO(content)) as archive:
        return archive.read_up_to(archive.getinfo(name), max_bytes)


@pytest.mark.parametrize("comment", [b"", b"a comment", bytes(65_535)])
def test_members_are_read_up_to_a_size(comment: bytes) -> None:
    content = packed({"a": b"12345"}, comment)
    assert read(content, "a") == b"12345"
    assert read(content, "a", 2) == b"12"


def directory_of(content: bytes, size: int) -> bytes:
    """Claim another size of the directory."""
    at = content.rfind(b"PK\x05\x06")
    return content[: at + 12] + struct.pack("<L", size) + content[at + 16 :]


@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_a_large_directory_is_refused_unread(comment: bytes) -> None:
    content = packed({"a": b"12345"}, comment)
    with pytest.raises(ValueError, match="far too many files"):
        read(directory_of(content, 2**30), "a")
    many = packed({str(index): b"" for index in range(3_000)}, comment)
    with pytest.raises(ValueError, match="far too many files"):
        read(many, "0")


def test_a_large_directory_behind_a_second_end_is_refused() -> None:
    """Python takes the end record at the end of the file, if it is one."""
    many = packed({str(index): b"" for index in range(3_000)})
    with pytest.raises(ValueError, match="far too many files"):
        read(many[:-2] + b"\x00\x00", "0")


def test_a_directory_in_64_bits_is_refused() -> None:
    content = packed({"a": b"12345"})
    at = content.rfind(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(ValueError, match="far too many files"):
        read(content[:at] + locator + content[at:], "a")


def test_a_bomb_is_refused_whatever_it_says_of_its_size() -> None:
    content = packed({"a": bytes(80 * 2**20)})
    with pytest.raises(ValueError, match="a would unpack from"):
        read(content, "a", 2**30)
    assert len(read(content, "a", 1000)) == 1000  # of which little is read
    at = content.rfind(b"PK\x01\x02") + 20  # the packed size in the directory
    lies = content[:at] + struct.pack("<L", 2**31) + content[at + 4 :]
    with pytest.raises(DAMAGED_ARCHIVE):
        read(lies, "a", 2**30)


GOOD = packed({"a": b"12345" * 10, "b": bytes(50)})


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=4))
def test_damage_raises_the_errors_that_are_listed(changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for at, value in changes:
        content[at] = value
    try:
        assert len(read(bytes(content), "a", 10)) <= 10
    except (*DAMAGED_ARCHIVE, KeyError, OSError):
        pass


@pytest.mark.parametrize("num_bytes", [0, 65_535, 65_536])
def test_a_directory_in_64_bits_is_refused_as_far_back_as_python_looks(num_bytes: int) -> None:
    content = packed({"a": b"12345"})
    at = content.rfind(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(ValueError, match="far too many files"):
        read(content[:at] + locator + content[at:] + bytes(num_bytes), "a")
