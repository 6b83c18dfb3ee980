"""Class folders, on disk and in archives, each broken in one way."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

from hypothesis import strategies as st

from support.formats.breakage import (
    PNG,
    Breakage,
    breakages_into,
    class_folders,
    cut,
    huge_header,
)
from support.formats.class_labels import Draw

BREAKAGES: list[Breakage] = []
breakage = breakages_into(BREAKAGES)


@breakage("holds no image")
def no_image(draw: Draw, root: Path) -> Path:
    (root / "a").mkdir()
    (root / "a" / "notes.txt").write_text("words")
    return root


@breakage("at least two class folders with images, but holds only the class 'a'")
def one_class(draw: Draw, root: Path) -> Path:
    (root / "a").mkdir()
    (root / "a" / "1.png").write_bytes(PNG)
    return root


@breakage("differ by more than upper and lower case, but has 'A' and 'a'")
def class_names_that_clash(draw: Draw, root: Path) -> Path:
    for name in "aA":
        (root / name).mkdir()
        (root / name / "1.png").write_bytes(PNG)
    return root


@breakage("should be an image file .* but is empty", is_image=True)
def an_empty_file(draw: Draw, root: Path) -> Path:
    class_folders(root)
    (root / "a" / "empty.png").write_bytes(b"")
    return root


@breakage("should be an image file .*(none of these|damaged or cut short|is empty)", is_image=True)
def a_truncated_image(draw: Draw, root: Path) -> Path:
    class_folders(root)
    # A PNG file can be decoded without what follows its last row.
    (root / "b" / "cut.png").write_bytes(PNG[: draw(st.integers(0, len(PNG) - 25))])
    return root


@breakage("should have at most 50,000,000 pixels, but has far more", is_image=True)
def a_gigapixel_header(draw: Draw, root: Path) -> Path:
    class_folders(root)
    (root / "a" / "huge.png").write_bytes(huge_header())
    return root


def zipped(path: Path, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in range(4):
            archive.writestr(f"{'ab'[place % 2]}/{place}.png", PNG)
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, mode: str, *more: tuple[str, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:
        named = [(f"{'ab'[place % 2]}/{place}.png", PNG) for place in range(4)]
        for name, content in (*named, *more):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@breakage("should be a ZIP archive, but cannot be read")
def a_truncated_zip(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    path.write_bytes(cut(draw, path.read_bytes()))
    return path


@breakage("should be a ZIP archive, but cannot be read")
def words_called_zip(draw: Draw, root: Path) -> Path:
    (root / "a.zip").write_bytes(draw(st.binary(max_size=40)))
    return root / "a.zip"


@breakage("is encrypted: unpack it")
def an_encrypted_zip(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    content[entry + 8] |= 1
    path.write_bytes(content)
    return path


@breakage("is damaged in its archive", is_image=True)
def a_damaged_member(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    # The first local header and its name are followed by the compressed bytes of the image.
    content[30 + len("a/0.png") + draw(st.integers(0, 60))] ^= 0xFF
    path.write_bytes(content)
    return path


@breakage("should be an image of at most 200,000,000 bytes, but has 3,000,000,000", is_image=True)
def a_member_that_claims_gigabytes(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, 3_000_000_000)
    path.write_bytes(content)
    return path


@breakage("is damaged in its archive", is_image=True)
def a_member_that_claims_less_than_it_is(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, draw(st.integers(1, len(PNG) - 1)))
    path.write_bytes(content)
    return path


@breakage("holds no image|at least two class folders")
def only_paths_out_of_the_archive(draw: Draw, root: Path) -> Path:
    names = st.sampled_from(("../a/{}.png", "/a/{}.png", "a/../../b/{}.png", "C:\\a\\{}.png"))
    path = root / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(4):
            archive.writestr(draw(names).format(place), PNG)
    return path


@breakage("should be a tar archive, but cannot be read")
def a_truncated_tar(draw: Draw, root: Path) -> Path:
    path = tarred(root / "a.tar", "w")
    # Each of the four members takes two blocks; a cut between members only loses the end marker.
    whole = path.read_bytes()[: 8 * 512]
    length = draw(st.integers(513, len(whole) - 1).filter(lambda n: n % 1024 and n % 512))
    path.write_bytes(whole[:length])
    return path


@breakage("should be a tar archive, but cannot be read")
def a_truncated_compressed_tar(draw: Draw, root: Path) -> Path:
    kind = draw(st.sampled_from(("gz", "bz2", "xz")))
    path = tarred(root / f"a.tar.{kind}", f"w:{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: draw(st.integers(8, len(content) // 2))])
    return path


@breakage("should be a tar archive, but cannot be read .*no header")
def a_damaged_tar_header(draw: Draw, root: Path) -> Path:
    path = tarred(root / "a.tar", "w")
    content = bytearray(path.read_bytes())
    content[1024 + draw(st.integers(0, 99))] ^= 0x55  # in the second member's name
    path.write_bytes(content)
    return path


@breakage("a header claims .* bytes")
def a_tar_name_of_gigabytes(draw: Draw, root: Path) -> Path:
    path = tarred(root / "a.tar", "w")
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, draw(st.integers(1 << 30, 8_000_000_000))
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + path.read_bytes())
    return path


@breakage("should be an image of at most 200,000,000 bytes", is_image=True)
def a_sparse_tar_member(draw: Draw, root: Path) -> Path:
    path = tarred(root / "a.tar", "w")
    content = path.read_bytes()[: 8 * 512]
    info = tarfile.TarInfo("a/large.png")
    info.size = 300_000_000
    with path.open("wb") as file:
        file.write(content + info.tobuf())
        file.seek(300_000_256 - 300_000_256 % 512 + 512, os.SEEK_CUR)
        file.write(bytes(1024))
    return path
