"""Layouts that are broken in one way each, with what must be said of them: the table BREAKAGES."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clearsight.data.options import SourceOptions
from data.formats.content import encoded
from data.formats.layouts import Draw, idx_bytes

PNG = encoded(np.arange(75, dtype=np.uint8).reshape(5, 5, 3))
X = np.arange(4 * 5 * 5, dtype=np.uint8).reshape(4, 5, 5)
Y = np.array([0, 1, 0, 1])


@dataclass(frozen=True)
class Breakage:
    """A way to break a layout.

    Attributes:
        name: what is broken.
        message: what must be said, as a regular expression.
        write: writes it; returns its path, or path and options.
        is_picture: whether only single pictures are bad, which is told when they are read.
    """

    name: str
    message: str
    write: Callable[[Draw, Path], Any]
    is_picture: bool = False


BREAKAGES: list[Breakage] = []


def breakage(message: str, *, is_picture: bool = False) -> Callable[[Callable], Callable]:
    def add(write: Callable[[Draw, Path], Any]) -> Callable:
        BREAKAGES.append(Breakage(write.__name__, message, write, is_picture))
        return write

    return add


def cut(draw: Draw, content: bytes, fewest: int = 0) -> bytes:
    return content[: draw(st.integers(fewest, len(content) - 1))]


def class_folders(root: Path) -> None:
    for place in range(4):
        folder = root / "ab"[place % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{place}.png").write_bytes(PNG)


def huge_header() -> bytes:
    """A PNG file whose header claims 50,000 x 50,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return PNG[:8] + chunk + PNG[33:]


# Class folders.


@breakage("holds no picture")
def no_picture(draw: Draw, root: Path) -> Path:
    (root / "a").mkdir()
    (root / "a" / "notes.txt").write_text("words")
    return root


@breakage("at least two class folders with pictures, but holds only the class 'a'")
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


@breakage("should be a picture file .* but is empty", is_picture=True)
def an_empty_file(draw: Draw, root: Path) -> Path:
    class_folders(root)
    (root / "a" / "empty.png").write_bytes(b"")
    return root


@breakage(
    "should be a picture file .*(none of these|damaged or cut short|is empty)", is_picture=True
)
def a_truncated_picture(draw: Draw, root: Path) -> Path:
    class_folders(root)
    # What follows a PNG file's last line is not needed to show it.
    (root / "b" / "cut.png").write_bytes(PNG[: draw(st.integers(0, len(PNG) - 25))])
    return root


@breakage("should have at most 50,000,000 pixels, but has far more", is_picture=True)
def a_gigapixel_header(draw: Draw, root: Path) -> Path:
    class_folders(root)
    (root / "a" / "huge.png").write_bytes(huge_header())
    return root


# Archives.


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


@breakage("is damaged in its archive", is_picture=True)
def a_damaged_member(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    # Behind the first local header and its name lie the compressed bytes of the first picture.
    content[30 + len("a/0.png") + draw(st.integers(0, 60))] ^= 0xFF
    path.write_bytes(content)
    return path


@breakage(
    "should be a picture of at most 200,000,000 bytes, but has 3,000,000,000", is_picture=True
)
def a_member_that_claims_gigabytes(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, 3_000_000_000)
    path.write_bytes(content)
    return path


@breakage("is damaged in its archive", is_picture=True)
def a_member_that_claims_less_than_it_is(draw: Draw, root: Path) -> Path:
    path = zipped(root / "a.zip")
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, draw(st.integers(1, len(PNG) - 1)))
    path.write_bytes(content)
    return path


@breakage("holds no picture|at least two class folders")
def only_paths_out_of_the_archive(draw: Draw, root: Path) -> Path:
    names = st.sampled_from(("../a/{}.png", "/a/{}.png", "a/../../b/{}.png", "C:\\a\\{}.png"))
    path = root / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for place in range(4):
            archive.writestr(draw(names).format(place), PNG)
    return path


@breakage("should be a tar archive, but is damaged or cut short")
def a_truncated_tar(draw: Draw, root: Path) -> Path:
    path = tarred(root / "a.tar", "w")
    # Each of the four members takes two blocks; a cut between members only loses the end's mark.
    whole = path.read_bytes()[: 8 * 512]
    length = draw(st.integers(513, len(whole) - 1).filter(lambda n: n % 1024 and n % 512))
    path.write_bytes(whole[:length])
    return path


@breakage("should be a tar archive, but is damaged or cut short")
def a_truncated_compressed_tar(draw: Draw, root: Path) -> Path:
    kind = draw(st.sampled_from(("gz", "bz2", "xz")))
    path = tarred(root / f"a.tar.{kind}", f"w:{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: draw(st.integers(8, len(content) // 2))])
    return path


@breakage("should be a tar archive, but is damaged or cut short .*no header")
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


@breakage("should be a picture of at most 200,000,000 bytes", is_picture=True)
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


# NumPy's files.


def npz(root: Path, **arrays: Any) -> Path:
    np.savez(root / "a.npz", **arrays)
    return root / "a.npz"


@breakage("holds Python objects, which are never unpickled")
def object_arrays(draw: Draw, root: Path) -> Path:
    objects = np.array([Y, "words", None, 3], dtype=object)
    if draw(st.booleans()):
        return npz(root, x=X, y=objects)
    np.save(root / "x.npy", objects, allow_pickle=True)
    np.save(root / "y.npy", Y)
    return root / "x.npy"


@breakage("(NaN or infinite)")
def no_numbers(draw: Draw, root: Path) -> Path:
    images = X / 255
    images[draw(st.integers(0, 3)), 2, 2] = draw(st.sampled_from((np.nan, np.inf, -np.inf)))
    return npz(root, x=images, y=Y)


@breakage("should run from 0 to 255 or from 0 to 1, but runs (up|from)")
def values_out_of_range(draw: Draw, root: Path) -> Path:
    images = X / 127.5 - 1 if draw(st.booleans()) else X.astype(np.int64) * 10
    return npz(root, x=images, y=Y)


@breakage("whole numbers from 0 to 255 or lie between 0 and 1")
def fractions_beyond_1(draw: Draw, root: Path) -> Path:
    return npz(root, x=X + draw(st.sampled_from((0.5, 0.25))), y=Y)


@breakage("one label a picture, but its train part has 4 pictures and . labels")
def wrong_counts(draw: Draw, root: Path) -> Path:
    return npz(root, x=X, y=np.arange(draw(st.sampled_from((2, 3, 5)))))


@breakage("should hold arrays named x and y, .* but its arrays are .*foo")
def unusual_names(draw: Draw, root: Path) -> Path:
    return npz(root, foo=X, bar=Y)


@breakage("should hold labels beside 'x_train'")
def no_labels(draw: Draw, root: Path) -> Path:
    return npz(root, x_train=X, y_test=Y)


@breakage("should hold pictures to train on, but holds test pictures only")
def nothing_to_train_on(draw: Draw, root: Path) -> Path:
    return npz(root, x_test=X, y_test=Y)


@breakage("one array of train pictures, but has x and images")
def two_candidates(draw: Draw, root: Path) -> Path:
    return npz(root, x=X, images=X, y=Y)


@breakage("should be pictures .* with 1, 3 or 4 channels, but is")
def a_wrong_shape(draw: Draw, root: Path) -> Path:
    shape = draw(st.sampled_from(((4, 5), (4, 5, 5, 2), (4,), (4, 1, 5, 5, 3))))
    return npz(root, x=np.zeros(shape, np.uint8), y=Y)


@breakage("should be numbers, but is")
def pictures_of_text(draw: Draw, root: Path) -> Path:
    return npz(root, x=np.full((4, 5, 5), "word"), y=Y)


@breakage(r"should be a \.npz file of NumPy's, but cannot be read|should be .* damaged")
def a_truncated_npz(draw: Draw, root: Path) -> Path:
    path = npz(root, x=X, y=Y)
    path.write_bytes(cut(draw, path.read_bytes()))
    return path


@breakage("cannot be read .*CRC")
def a_damaged_npz(draw: Draw, root: Path) -> Path:
    path = npz(root, x=X, y=Y)
    content = bytearray(path.read_bytes())
    content[content.find(X.tobytes()) + draw(st.integers(0, 90))] ^= 0x10
    path.write_bytes(content)
    return path


@breakage("is damaged|is never unpickled|objects")
def a_truncated_npy(draw: Draw, root: Path) -> Path:
    np.save(root / "x.npy", X)
    np.save(root / "y.npy", Y)
    (root / "x.npy").write_bytes(cut(draw, (root / "x.npy").read_bytes()))
    return root / "x.npy"


@breakage("should be [0-9,]+ bytes long for uint8")
def a_npy_that_claims_terabytes(draw: Draw, root: Path) -> Path:
    buffer = io.BytesIO()
    shape = (draw(st.integers(10**6, 10**9)), 1000, 1000)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    content = buffer.getvalue() + bytes(100)
    if draw(st.booleans()):
        (root / "x.npy").write_bytes(content)
        np.save(root / "y.npy", Y)
        return root / "x.npy"
    path = npz(root, y=Y)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", content)
    return path


@breakage("should have its labels beside it")
def a_npy_alone(draw: Draw, root: Path) -> Path:
    np.save(root / "pictures_of_cats.npy", X)
    return root / "pictures_of_cats.npy"


@breakage("should be at least two class|name at least two classes, but all are '0'")
def one_label_only(draw: Draw, root: Path) -> Path:
    return npz(root, x=X, y=np.zeros(4, int))


@breakage("are measurements such as 0.5")
def measurements_as_labels(draw: Draw, root: Path) -> Path:
    return npz(root, x=X, y=np.array([0.5, 1, 2, 3]))


@breakage(r"numbers of the 2 classes that have names \(0 to 1\), but '[37]' is among them")
def labels_out_of_range(draw: Draw, root: Path) -> Path:
    labels = np.array([0, 1, 0, draw(st.sampled_from((3, 7)))])
    return npz(root, x=X, y=labels, class_names=np.array(["cat", "dog"]))


def with_names(root: Path, text: str, suffix: str = ".json") -> tuple[Path, SourceOptions]:
    names = root / f"names{suffix}"
    names.write_text(text)
    return npz(root, x=X, y=Y), SourceOptions(class_names=names)


@breakage("should be different from each other, but 'cat' is there twice")
def a_class_name_twice(draw: Draw, root: Path) -> Any:
    return with_names(root, json.dumps(["cat", "cat"]))


@breakage("should hold class names as a JSON list .* but (is no JSON|holds something else)")
def class_names_of_another_form(draw: Draw, root: Path) -> Any:
    texts = ("{", '{"a": "b"}', "[1, 2]", '"cat"', '{"a": 0, "b": [1]}', "[" * 100_000)
    return with_names(root, draw(st.sampled_from(texts)))


@breakage("at least two names, but there are")
def too_few_class_names(draw: Draw, root: Path) -> Any:
    return with_names(root, draw(st.sampled_from(("cat", ""))), ".txt")


@breakage("should hold class names .* but cannot be read")
def no_file_of_class_names(draw: Draw, root: Path) -> Any:
    return npz(root, x=X, y=Y), SourceOptions(class_names=root / "none.json")


# IDX and CIFAR.

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


def idx_pair(root: Path, images: bytes, labels: bytes) -> Path:
    for name, content in zip(IDX_NAMES, (images, labels), strict=True):
        (root / name).write_bytes(content)
    return root


@breakage("should be an IDX file|ends within its header|bytes long for the shape|unsigned bytes")
def a_truncated_idx(draw: Draw, root: Path) -> Path:
    return idx_pair(root, cut(draw, idx_bytes(X)), idx_bytes(Y))


@breakage("first two bytes zero|its type is|should have 3 axes, but has")
def a_wrong_magic(draw: Draw, root: Path) -> Path:
    content = bytearray(idx_bytes(X))
    content[draw(st.integers(0, 3))] ^= draw(st.integers(1, 255))
    return idx_pair(root, bytes(content), idx_bytes(Y))


@breakage("its header claims [0-9,]+ values")
def an_idx_that_claims_terabytes(draw: Draw, root: Path) -> Path:
    content = b"\0\0\x08\x03" + struct.pack(">3I", draw(st.integers(10**6, 2**32 - 1)), 999, 999)
    compress = draw(st.sampled_from((bytes, gzip.compress)))
    return idx_pair(root, compress(content + bytes(100)), idx_bytes(Y))


@breakage("one label a picture, but its train part has 4 pictures and 3 labels")
def an_idx_of_other_length(draw: Draw, root: Path) -> Path:
    return idx_pair(root, idx_bytes(X), idx_bytes(Y[:3]))


@breakage("there is no file of labels")
def an_idx_without_labels(draw: Draw, root: Path) -> Path:
    (root / IDX_NAMES[0]).write_bytes(idx_bytes(X))
    return root / IDX_NAMES[0] if draw(st.booleans()) else root


@breakage("should hold the IDX files of one set, but holds those of")
def idx_files_of_two_sets(draw: Draw, root: Path) -> Path:
    for prefix in ("emnist-letters-", "emnist-digits-"):
        for name, values in zip(IDX_NAMES, (X, Y), strict=True):
            (root / f"{prefix}{name}").write_bytes(idx_bytes(values))
    return root


@breakage("is pickled and could run any program: get cifar-10-binary")
def the_pickled_cifar(draw: Draw, root: Path) -> Path:
    versions = {
        "cifar-10-batches-py": ("data_batch_1", "batches.meta"),
        "cifar-100-python": ("file.txt", "train", "test", "meta"),
    }
    top, names = draw(st.sampled_from(sorted(versions.items())))
    content = pickle.dumps({"data": [1]})
    if draw(st.booleans()):
        for name in names:
            (root / name).write_bytes(content)
        return root
    path = root / "cifar-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@breakage("should consist of records of 3,073 bytes")
def a_truncated_cifar(draw: Draw, root: Path) -> Path:
    (root / "data_batch_1.bin").write_bytes(bytes(draw(st.integers(0, 3072))))
    return root


@breakage("numbers of the 2 classes that have names .* but '77' is among them")
def a_cifar_class_out_of_range(draw: Draw, root: Path) -> Path:
    (root / "data_batch_1.bin").write_bytes(bytes(3073) + b"\x4d" + bytes(3072))
    (root / "batches.meta.txt").write_text("cat\ndog\n")
    return root


# Tables and saved data sets.


def csv_table(root: Path, *lines: str) -> Path:
    (root / "1.png").write_bytes(PNG)
    (root / "2.png").write_bytes(PNG)
    (root / "t.csv").write_text("\n".join(lines) + "\n")
    return root / "t.csv"


@breakage("should have a column of labels with a usual name .* its columns are 'path', 'what'")
def no_label_column(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,what", "1.png,a", "2.png,b")


@breakage("should have a column of pictures or their paths .* its columns are 'where', 'label'")
def no_image_column(draw: Draw, root: Path) -> Path:
    return csv_table(root, "where,label", "1.png,a", "2.png,b")


@breakage("'label', 'class' could each be it: name it with --label-column")
def two_label_columns(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label,class", "1.png,a,a", "2.png,b,b")


@breakage("'label', 'label' could each be it|several of that name")
def a_column_twice(draw: Draw, root: Path) -> Any:
    path = csv_table(root, "path,label,label", "1.png,a,a", "2.png,b,b")
    return path, SourceOptions(label_column="label" if draw(st.booleans()) else None)


@breakage("the column 'lable' that --label-column names, .* Did you mean 'label'")
def a_column_that_is_not_there(draw: Draw, root: Path) -> Any:
    return csv_table(root, "path,label", "1.png,a", "2.png,b"), SourceOptions(label_column="lable")


@breakage("leads out of .*: put the table into a folder")
def a_path_out_of_the_folder(draw: Draw, root: Path) -> Path:
    out = draw(st.sampled_from(("../2.png", "/etc/passwd", "a/../../2.png", "..")))
    return csv_table(root, "path,label", "1.png,a", f"{out},b")


@breakage("is a link out of")
def a_link_out_of_the_folder(draw: Draw, root: Path) -> Path:
    if draw(st.booleans()):
        (root / "link.png").symlink_to("/etc/hostname")
        return csv_table(root, "path,label", "1.png,a", "link.png,b")
    (root / "link").symlink_to("/etc")
    return csv_table(root, "path,label", "1.png,a", "link/hostname,b")


@breakage("is no plain file")
def a_device_or_folder(draw: Draw, root: Path) -> Path:
    if draw(st.booleans()):
        os.mkfifo(root / "pipe.png")
    else:
        (root / "pipe.png").mkdir()
    return csv_table(root, "path,label", "1.png,a", "pipe.png,b")


@breakage("clearsight downloads no pictures")
def an_address(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,a", "https://example.org/2.png,b")


@breakage("none of its 2 is there")
def paths_to_nowhere(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "x/1.png,a", "x/2.png,b")


@breakage("should be a picture, but cannot be read", is_picture=True)
def one_path_to_nowhere(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,a", "2.png,b", "3.png,b")


@breakage("'1' could be x/1.png or y/1.png|'1' could be y/1.png or x/1.png")
def a_name_of_two_pictures(draw: Draw, root: Path) -> Path:
    for folder in "xy":
        (root / folder).mkdir()
        (root / folder / "1.png").write_bytes(PNG)
    path = csv_table(root, "id,label", "1,a", "2,b")
    (root / "1.png").unlink()
    return path


@breakage("calls 1.png 'a' in line 2 and 'b' in line 4")
def two_labels_of_one_picture(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,a", "2.png,b", "1.png,b")


@breakage("should have 2 cells in every row, .* but has [13] in line 3")
def a_row_of_other_length(draw: Draw, root: Path) -> Path:
    row = draw(st.sampled_from(("2.png", "2.png,b,c")))
    return csv_table(root, "path,label", "1.png,a", row)


@breakage("should say train, validation or test .* but says 'fold 3'")
def an_unknown_part(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label,split", "1.png,a,train", "2.png,b,fold 3")


@breakage("should have rows to train on")
def a_table_of_test_pictures(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label,split", "1.png,a,test", "2.png,b,test")


@breakage("should hold labelled pictures, but none of its 2 rows is one")
def a_table_without_labels(draw: Draw, root: Path) -> Path:
    return csv_table(root, "path,label", "1.png,", "2.png, ")


@breakage("table .*(empty|columns are|UTF-8)")
def no_table(draw: Draw, root: Path) -> Path:
    content = draw(st.sampled_from((b"", b"\n\n", b"\xff\xfe\xff", b"\x80abc,\xff\n", PNG)))
    (root / "t.csv").write_bytes(content)
    return root / "t.csv"


@breakage("pixels that are whole numbers from 0 to 255, .* in line 3")
def a_pixel_out_of_range(draw: Draw, root: Path) -> Path:
    value = draw(st.sampled_from(("256", "-1", "0.5", "", "nan", "x")))
    names = ",".join(f"pixel{place}" for place in range(4))
    return csv_table(root, f"label,{names}", "0,1,2,3,4", f"1,1,2,{value},4")


def parquet_table(root: Path, columns: dict[str, Any]) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), root / "t.parquet")
    return root / "t.parquet"


@breakage("should be a Parquet file, but cannot be read")
def a_truncated_parquet(draw: Draw, root: Path) -> Path:
    path = parquet_table(root, {"image": [PNG, PNG], "label": ["a", "b"]})
    path.write_bytes(cut(draw, path.read_bytes()))
    return path


@breakage("should hold an encoded picture, but is empty", is_picture=True)
def a_parquet_cell_without_picture(draw: Draw, root: Path) -> Path:
    cells = [PNG, PNG, None]
    if draw(st.booleans()):
        cells = [{"bytes": cell, "path": "/etc/passwd"} for cell in cells]
    return parquet_table(root, {"image": cells, "label": ["a", "b", "b"]})


@breakage("should hold encoded pictures or their paths in its column 'image', but holds another")
def a_parquet_of_numbers(draw: Draw, root: Path) -> Path:
    return parquet_table(root, {"image": [[1, 2], [3, 4]], "label": ["a", "b"]})


def saved_set(root: Path, files: Any) -> Path:
    (root / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    (root / "train").mkdir()
    (root / "train" / "state.json").write_text(json.dumps({"_data_files": files}))
    return root


@breakage("should name files beside it, but names")
def a_saved_set_that_points_out(draw: Draw, root: Path) -> Path:
    name = draw(st.sampled_from(("../../x.arrow", "/etc/passwd", "", "..", None, 7)))
    return saved_set(root, [{"filename": name}] if draw(st.booleans()) else [name])


@breakage("should be an Arrow file, but cannot be read")
def a_saved_set_without_rows(draw: Draw, root: Path) -> Path:
    path = saved_set(root, [{"filename": "data.arrow"}])
    if draw(st.booleans()):
        (root / "train" / "data.arrow").write_bytes(draw(st.binary(max_size=50)))
    return path


@breakage("should describe a saved data set, but|should list the splits|should list the files")
def a_damaged_description(draw: Draw, root: Path) -> Path:
    path = saved_set(root, [])
    name = draw(st.sampled_from(("dataset_dict.json", "train/state.json")))
    (root / name).write_text(draw(st.sampled_from(("", "{", "[]", "{}", '{"splits": 3}'))))
    return path
