"""NumPy, IDX and CIFAR files, each broken in one way."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clearsight.data.sources.options import SourceOptions
from support.formats.binary_layouts import idx_bytes
from support.formats.breakage import (
    Breakage,
    X,
    Y,
    breakages_into,
    cut,
)
from support.formats.class_labels import Draw

BREAKAGES: list[Breakage] = []
breakage = breakages_into(BREAKAGES)


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


@breakage("become a single grey: .* pixel_range=.LOW, HIGH")
def images_in_two_units(draw: Draw, root: Path) -> Path:
    images = X / 255
    images[draw(st.integers(0, 3)) :: 2] *= 1e6
    return npz(root, x=images, y=Y)


@breakage("one label per image, but its train part has 4 images and . labels")
def wrong_counts(draw: Draw, root: Path) -> Path:
    return npz(root, x=X, y=np.arange(draw(st.sampled_from((2, 3, 5)))))


@breakage("should hold arrays named x and y, .* but its arrays are .*foo")
def unusual_names(draw: Draw, root: Path) -> Path:
    return npz(root, foo=X, bar=Y)


@breakage("should hold labels for .x_train'")
def no_labels(draw: Draw, root: Path) -> Path:
    return npz(root, x_train=X, y_test=Y)


@breakage("should hold images to train on, but holds test images only")
def nothing_to_train_on(draw: Draw, root: Path) -> Path:
    return npz(root, x_test=X, y_test=Y)


@breakage("one array of train images, but has x and images")
def two_candidates(draw: Draw, root: Path) -> Path:
    return npz(root, x=X, images=X, y=Y)


@breakage("should be images .* with 1, 3 or 4 channels, but is")
def a_wrong_shape(draw: Draw, root: Path) -> Path:
    shape = draw(st.sampled_from(((4, 5), (4, 5, 5, 2), (4,), (4, 1, 5, 5, 3))))
    return npz(root, x=np.zeros(shape, np.uint8), y=Y)


@breakage("should be numbers, but is")
def images_of_text(draw: Draw, root: Path) -> Path:
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


@breakage("should be a NumPy array, but cannot be read|is damaged|objects")
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


@breakage("should have its labels next to it")
def a_npy_alone(draw: Draw, root: Path) -> Path:
    np.save(root / "images_of_cats.npy", X)
    return root / "images_of_cats.npy"


@breakage("should be at least two class|should have at least two classes, but all are '0'")
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


@breakage("one label per image, but its train part has 4 images and 3 labels")
def an_idx_of_other_length(draw: Draw, root: Path) -> Path:
    return idx_pair(root, idx_bytes(X), idx_bytes(Y[:3]))


@breakage("there is no file of labels")
def an_idx_without_labels(draw: Draw, root: Path) -> Path:
    (root / IDX_NAMES[0]).write_bytes(idx_bytes(X))
    return root / IDX_NAMES[0] if draw(st.booleans()) else root


@breakage("should contain the IDX files of one dataset, but contains those of")
def idx_files_of_two_sets(draw: Draw, root: Path) -> Path:
    for prefix in ("emnist-letters-", "emnist-digits-"):
        for name, values in zip(IDX_NAMES, (X, Y), strict=True):
            (root / f"{prefix}{name}").write_bytes(idx_bytes(values))
    return root


@breakage("is pickled and could run arbitrary code: get cifar-10-binary")
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
