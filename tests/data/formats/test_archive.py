"""Archives: names, order, members that are not images, and changes."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from clearsight.data.formats.archive import open_archive
from clearsight.data.formats.tar_archive import TarReader
from clearsight.data.formats.zip_archive import ZipReader
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
