"""Hostile files give an error before they take memory; each is opened in its own process."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.formats.binary_layouts import idx_bytes
from support.formats.breakage import PNG, huge_header

MAX_BYTES = 1_000_000_000
# The process prints the errors of the source or of its bad images, and its peak memory.
PROGRAM = """
import json, sys
from pathlib import Path
from clearsight.data.formats import FORMATS
from clearsight.data.listing import Listing
from clearsight.data.sources.options import SourceOptions
from clearsight.data.preparation.read_image import read_image
from clearsight.errors import DataError
path = Path(sys.argv[1])
said, num_good = [], 0
try:
    opened = next(form for form in FORMATS if form.matches(path)).open(path, SourceOptions())
    for key, content in opened.reader.each(opened.keys):
        try:
            if isinstance(content, DataError):
                raise content
            read_image(content, name=key)
            num_good += 1
        except DataError as error:
            said.append(str(error))
except DataError as error:
    said.append(str(error))
# Not ru_maxrss, which starts at the memory of the parent process.
peak_line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
peak_bytes = int(peak_line.split()[1]) * 1024
print(json.dumps({"said": said, "num_good": num_good, "peak_bytes": peak_bytes}))
"""

NUM_MEGABYTES = 1_500
MEGABYTE = bytes(1_000_000)


def deflated(*contents: bytes) -> bytes:
    """Return raw deflate data of these contents followed by 1.5 GB of zeros, made in no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = b"".join(packer.compress(content) for content in contents)
    begin += packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin + block * NUM_MEGABYTES + packer.flush()


def add_packed(path: Path, name: str, packed: bytes, claimed_bytes: int) -> Path:
    """Add deflate data to a ZIP archive as they are, with the size that they should claim."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, packed)
    content = bytearray(path.read_bytes())
    for magic, kind_at, size_at in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        entry = content.rfind(magic)
        struct.pack_into("<H", content, entry + kind_at, zipfile.ZIP_DEFLATED)
        struct.pack_into("<L", content, entry + size_at, claimed_bytes)
    path.write_bytes(content)
    return path


def opened(path: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def good_members() -> dict[str, bytes]:
    return {f"{'ab'[place % 2]}/{place}.png": PNG for place in range(4)}


def zeros_png(side: int) -> bytes:
    """A whole PNG file of `side` x `side` black pixels, compressed a thousandfold."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * side)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )
    return PNG[:8] + b"".join(chunks)


def png_headers(root: Path) -> Path:
    for name, content in (good_members() | {"a/huge.png": huge_header()}).items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    return root


def png_bomb(root: Path) -> Path:
    for name, content in (good_members() | {"a/huge.png": zeros_png(9_000)}).items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    return root


def zip_bomb(root: Path) -> Path:
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        for name, content in good_members().items():
            archive.writestr(name, content)
    return add_packed(root / "a.zip", "a/bomb.png", deflated(), 1_500_000_000)


def lying_zip_bomb(root: Path) -> Path:
    """Its directory claims 70 bytes for what unpacks to 1.5 GB."""
    return add_packed(zip_bomb(root), "a/lies.png", deflated(), 70)


def tar_bomb(path: Path, compress: Callable[[bytes], bytes], begin: bytes = b"") -> Path:
    """Honest images and one of 1.5 GB; compressed files may follow each other as one."""
    buffer = io.BytesIO(begin)
    buffer.seek(0, io.SEEK_END)
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in good_members().items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo("a/bomb.png")
        info.size = NUM_MEGABYTES * len(MEGABYTE)
        archive.addfile(info)
        honest = buffer.getvalue()
    path.write_bytes(compress(honest) + compress(MEGABYTE) * NUM_MEGABYTES)
    return path


def gzip_bomb(root: Path) -> Path:
    return tar_bomb(root / "a.tar.gz", gzip.compress)


def xz_bomb(root: Path) -> Path:
    return tar_bomb(root / "a.tar.xz", lzma.compress)


def tar_name_bomb(root: Path) -> Path:
    """A header says that a name of 1.5 GB follows, and it does."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, NUM_MEGABYTES * len(MEGABYTE)
    begin = gzip.compress(info.tobuf(tarfile.GNU_FORMAT))
    (root / "a.tar.gz").write_bytes(begin + gzip.compress(MEGABYTE) * NUM_MEGABYTES)
    return root / "a.tar.gz"


def npz_bomb(root: Path) -> Path:
    np.savez(root / "a.npz", y=np.zeros(NUM_MEGABYTES, np.int64))
    header = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (NUM_MEGABYTES, 1_000, 1_000)}
    np.lib.format.write_array_header_1_0(header, described)
    claimed_bytes = header.tell() + NUM_MEGABYTES * len(MEGABYTE)
    return add_packed(root / "a.npz", "x.npy", deflated(header.getvalue()), claimed_bytes)


def idx_bomb(root: Path) -> Path:
    header = b"\0\0\x08\x03" + struct.pack(">3I", NUM_MEGABYTES, 1_000, 1_000)
    packed = gzip.compress(header) + gzip.compress(MEGABYTE) * NUM_MEGABYTES
    (root / "train-images-idx3-ubyte.gz").write_bytes(packed)
    (root / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(NUM_MEGABYTES) % 2))
    return root


def idx_tail_bomb(root: Path) -> Path:
    """Four valid images, followed by 1.5 GB more."""
    packed = gzip.compress(idx_bytes(np.zeros((4, 5, 5))))
    packed += gzip.compress(MEGABYTE) * NUM_MEGABYTES
    (root / "train-images-idx3-ubyte.gz").write_bytes(packed)
    (root / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([0, 1, 0, 1])))
    return root


def parquet_bomb(root: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"image": [MEGABYTE * 260, PNG], "label": ["a", "b"]}
    plain = {"use_dictionary": False, "write_statistics": False}
    parquet.write_table(pa.table(columns), root / "a.parquet", compression="zstd", **plain)
    return root / "a.parquet"


def zip_of_a_million_names(root: Path) -> Path:
    """A directory of 1,100,000 entries, which Python would make as many objects of."""
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", *[20] * 2, *[0] * 4, *[0] * 3, 5, *[0] * 4, 0, 0
    )
    directory = (entry + b"a/a.p") * 1_100_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65_535, 65_535, len(directory), 0, 0)
    (root / "a.zip").write_bytes(directory + end)
    return root / "a.zip"


def parquet_of_one_text(root: Path) -> Path:
    """A file of 200 KB, each of whose 100,000 labels is the same megabyte."""
    return parquet_of_one(root, image=PNG, label="a" * 1_000_000)


def parquet_of_one_image(root: Path) -> Path:
    """Each of its images is the same one of 30 MB."""
    return parquet_of_one(root, num_rows=40, image=PNG + MEGABYTE * 30, label="a" * 500)


def parquet_of_one(root: Path, num_rows: int = 100_000, **cells: bytes | str) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        name: pa.DictionaryArray.from_arrays(
            pa.array([0] * (num_rows - 1) + [1], pa.int32()), pa.array([cell, cell[: len(PNG)]])
        )
        for name, cell in cells.items()
    }
    options = {"dictionary_pagesize_limit": 1 << 30, "store_schema": False}
    parquet.write_table(pa.table(columns), root / "a.parquet", compression="zstd", **options)
    return root / "a.parquet"


def table_without_line_ends(root: Path) -> Path:
    with (root / "a.csv").open("wb") as file:
        file.write(b"image,label\n")
        file.truncate(NUM_MEGABYTES * len(MEGABYTE))
    return root / "a.csv"


def table_of_wide_rows(root: Path) -> Path:
    """Its first lines are looked at: 20 times a million cells would take too much."""
    (root / "a.csv").write_text((("a," * 1_000_000) + "a\n") * 20)
    return root / "a.csv"


def description_of_lists(root: Path) -> Path:
    (root / "dataset_dict.json").write_text("[" + "[]," * 15_000_000 + "[]]")
    return root


def large_file(root: Path) -> Path:
    for name, content in good_members().items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    with (root / "a" / "large.png").open("wb") as file:
        file.write(PNG)
        file.truncate(NUM_MEGABYTES * len(MEGABYTE))
    return root


def tags_that_overlap(root: Path) -> Path:
    """Files of 1 MB, each of whose thousands of tags is nearly all of the file."""
    for name, content in good_members().items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    size = 1_000_000
    grey = [(256, 3, 1, 2), (257, 3, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    grey += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 2), (279, 4, 1, 4)]
    tags = [*grey, *((40_000 + number, 7, size, 8) for number in range(5_000))]
    entries = b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    content = b"II*\0" + struct.pack("<L", 8 + size) + bytes(size) + directory
    (root / "a" / "tags.tif").write_bytes(content)
    return root


def pages_without_end(root: Path) -> Path:
    """A TIFF file of a million pages, and a GIF file of as many frames, are their first ones."""
    for name, content in good_members().items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    grey = [(256, 3, 1, 2), (257, 3, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    grey += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 2), (279, 4, 1, 4)]
    entries = struct.pack("<H", len(grey)) + b"".join(struct.pack("<HHLL", *tag) for tag in grey)
    length = len(entries) + 4
    pages = (entries + struct.pack("<L", 12 + (page + 1) * length) for page in range(1_000_000))
    (root / "a" / "pages.tif").write_bytes(b"II*\0\x0c\0\0\0\1\2\3\4" + b"".join(pages))
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    begin = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
    (root / "b" / "frames.gif").write_bytes(begin + frame * 1_000_000 + b";")
    return root


HOSTILE: dict[Callable[[Path], Path], tuple[int, str]] = {
    png_headers: (4, "should have at most 50,000,000 pixels"),
    png_bomb: (4, "should have at most 50,000,000 pixels"),
    zip_bomb: (4, "at most 200,000,000 bytes, but has 1,500,000,000"),
    lying_zip_bomb: (4, "is damaged in its archive|at most 200,000,000 bytes"),
    gzip_bomb: (0, "unpacks to more than 100 times its size"),
    xz_bomb: (0, "unpacks to more than 100 times its size"),
    tar_name_bomb: (0, "a header claims 1,500,000,256 bytes"),
    npz_bomb: (0, "unpacks from"),
    idx_bomb: (0, "its header claims 1,500,000,000 values"),
    idx_tail_bomb: (0, "should be 116 bytes long"),
    parquet_bomb: (0, "as no images do"),
    zip_of_a_million_names: (0, "at most 1,000,000 members"),
    parquet_of_one_text: (0, "more than 1,000,000,000 bytes of text"),
    parquet_of_one_image: (40, ""),
    table_without_line_ends: (0, "a line has more than 20,000,000 characters"),
    table_of_wide_rows: (0, ""),
    description_of_lists: (0, "it is larger than 5,000,000 bytes"),
    large_file: (4, "it is larger than 200,000,000 bytes"),
    tags_that_overlap: (5, ""),
    pages_without_end: (6, ""),
}


@pytest.mark.parametrize("write", HOSTILE, ids=lambda write: write.__name__)
def test_hostile_files_take_less_than_a_gigabyte(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    num_good, message = HOSTILE[write]
    found = opened(write(tmp_path))
    assert found["num_good"] == num_good
    assert found["said"] or not message
    for sentence in found["said"]:
        assert re.search(message, sentence), sentence
    assert found["peak_bytes"] < MAX_BYTES


def test_the_largest_image_that_is_allowed_fits_into_the_memory(tmp_path: Path) -> None:
    for name, content in (good_members() | {"a/large.png": zeros_png(7_000)}).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = opened(tmp_path)
    assert (found["num_good"], found["said"]) == (5, [])
    assert found["peak_bytes"] < MAX_BYTES
