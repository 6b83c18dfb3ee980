"""Archives: names, order, members that are not images, and changes."""

from __future__ import annotations

import io
import math
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from clearsight.data.formats.archive import open_archive
from clearsight.data.formats.arrays import open_array_files
from clearsight.data.formats.tar_archive import TarReader
from clearsight.data.formats.zip_archive import ZipReader, check_directory
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.errors import DataError
from support.formats.breakage import PNG
from support.formats.broken_trees import tarred, zipped


def opened(path: Path) -> Listing:
    return open_archive(path, SourceOptions())


def test_zip_names_in_utf_8_are_read_with_and_without_the_flag(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"hübsch/1.png": PNG})
    assert "hübsch" in opened(path).class_names
    content = path.read_bytes()
    for magic, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        entry = content.rfind(magic)
        flags = struct.unpack_from("<H", content, entry + flags_at)[0]
        assert flags & 0x800
        changed = bytearray(content)
        struct.pack_into("<H", changed, entry + flags_at, flags & ~0x800)
        content = bytes(changed)
    path.write_bytes(content)
    listing = opened(path)
    assert "hübsch" in listing.class_names
    assert dict(listing.reader.each(["hübsch/1.png"])) == {"hübsch/1.png": PNG}


def test_zip_names_in_an_old_code_page_stay_distinct(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"x?/1.png": PNG, "x!/1.png": PNG})
    content = path.read_bytes().replace(b"x?/", b"x\xff/").replace(b"x!/", b"x\xfe/")
    path.write_bytes(content)
    listing = opened(path)
    assert len(listing.class_names) == 4
    assert all(content == PNG for _, content in listing.reader.each(listing.keys))


def test_backslashes_separate_folders(tmp_path: Path) -> None:
    listing = opened(zipped(tmp_path / "a.zip", **{"c\\1.png": PNG}))
    assert listing.class_names == ("a", "b", "c")
    assert dict(listing.reader.each(["c/1.png"])) == {"c/1.png": PNG}


def test_tar_names_that_are_not_utf_8_get_escapes(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", "w")
    with tarfile.open(path, "a", encoding="latin-1", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("hübsch/1.png")
        info.size = len(PNG)
        archive.addfile(info, io.BytesIO(PNG))
    listing = opened(path)
    assert listing.class_names == ("a", "b", "h\\xfcbsch")
    str(listing.class_names).encode()  # can be printed and saved
    assert all(content == PNG for _, content in listing.reader.each(listing.keys))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_folders_without_images_are_empty_classes(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        zipped(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.mkdir("none")
    else:
        with tarfile.open(path, "w:gz" if kind.endswith("gz") else "w") as archive:
            for name in ("a", "b", "none"):
                info = tarfile.TarInfo(name)
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            for name in ("a/1.png", "b/1.png"):
                info = tarfile.TarInfo(name)
                info.size = len(PNG)
                archive.addfile(info, io.BytesIO(PNG))
    assert opened(path).empty_classes == ("none",)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_skipped_and_counted(tmp_path: Path, kind: bytes) -> None:
    path = tarred(tmp_path / "a.tar", "w")
    with tarfile.open(path, "a") as archive:
        info = tarfile.TarInfo("a/odd.png")
        info.type = kind
        archive.addfile(info)
    listing = opened(path)
    assert listing.skipped == {"a/odd.png (device in the archive)": 1}
    assert "a/odd.png" not in listing.keys


def test_a_compressed_tar_is_read_in_its_own_order_in_one_pass(tmp_path: Path) -> None:
    members = [(f"{'ba'[place % 2]}/{place}.png", PNG + bytes([place])) for place in range(9)]
    path = tarred(tmp_path / "a.tar.gz", "w:gz", *((n, c) for n, c in members if n > "b/0"))
    listing = opened(path)
    with tarfile.open(path) as archive:
        stored = [name for name in archive.getnames() if name in listing.keys]
    assert [key for key, _ in listing.reader.each(sorted(listing.keys, reverse=True))] == list(
        dict.fromkeys(stored)
    )


def test_an_archive_without_its_end_marker_is_noted(tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar", "w")
    path.write_bytes(path.read_bytes()[: 8 * 512])
    listing = opened(path)
    assert len(listing) == 4
    assert "it may be cut short" in listing.notes[-1]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_signature_changes_with_the_archive(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    make = zipped if kind == "zip" else lambda path: tarred(path, "w")
    before = opened(make(path)).signature
    assert opened(path).signature == before
    os.utime(path, ns=(1, 1))
    assert opened(path).signature != before


def test_a_deleted_archive_gives_bad_images() -> None:
    for reader in (
        ZipReader("none.zip", {"a.png": "a.png"}),
        TarReader("none.tar", {"a.png": (0, 9)}, False),
    ):
        ((key, content),) = reader.each(["a.png"])
        assert key == "a.png"
        assert isinstance(content, DataError)


def test_a_missing_member_is_a_bad_image_and_the_others_are_read(tmp_path: Path) -> None:
    listing = opened(zipped(tmp_path / "a.zip"))
    found = dict(listing.reader.each([*listing.keys, "a/none.png"]))
    assert "no longer is" in str(found.pop("a/none.png"))
    assert set(found.values()) == {PNG}


@pytest.mark.parametrize("hidden_by", ["nothing", "a comment", "a second signature"])
def test_a_large_directory_is_counted_before_python_reads_it(hidden_by: str) -> None:
    """Python makes an object of each entry, wherever the 64-bit record of their size stands."""
    one = io.BytesIO()
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("a/x.png", PNG)
    content = one.getvalue()
    begin, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    directory = content[begin:end] * 2000
    comment = b" " * 65_535 if hidden_by == "a comment" else b""
    position = begin + len(directory)
    if hidden_by == "a second signature":  # in a field that Python 3.11 does not read
        (position,) = struct.unpack("<Q", b"PK\6\6\0\0\0\0")
    sizes = (2000, 2000, len(directory), begin)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *sizes)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, position, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, end - begin, begin, len(comment))
    file = io.BytesIO(content[:begin] + directory + record + locator + last + comment)
    with pytest.raises(DataError, match="at most 1,000 members"):
        check_directory(file, "x.zip", 1000)
    check_directory(file, "x.zip", 2000)


def test_what_an_array_unpacks_to_is_measured_by_the_file(tmp_path: Path) -> None:
    """The packed size in the directory is a claim."""
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in (("x", (300, 1000, 1000)), ("y", (300,))):
            with archive.open(f"{name}.npy", "w") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)  # type: ignore[arg-type]
                for _ in range(shape[0]):
                    file.write(bytes(math.prod(shape[1:])))
    content = bytearray(path.read_bytes())
    struct.pack_into("<L", content, content.index(b"PK\1\2") + 20, 100_000_000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"'x' in .* should fit into memory and not be nearly"):
        open_array_files(path, SourceOptions())
