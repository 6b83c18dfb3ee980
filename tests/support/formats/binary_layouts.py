"""Strategies that write IDX and CIFAR's files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from clearsight.data.sources.options import SourceOptions
from support.formats.class_labels import Draw, names_file, numbers
from support.formats.content import Content, Layout, contents
from support.formats.tree_layouts import TarWriter


def idx_bytes(values: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


def idx(draw: Draw, root: Path) -> Layout:
    content = draw(contents(same_size=True, channels=(1,), undivided="train"))
    prefix = draw(st.sampled_from(("", "emnist-letters-", "kuzushiji-")))
    separator = draw(st.sampled_from("-."))
    path = root
    for part in content.parts:
        images = np.stack([image.pixels[..., 0] for image in content.of(part)])
        if prefix.startswith("emnist"):
            images = images.transpose(0, 2, 1)
        codes = np.array([content.class_names.index(p.label) for p in content.of(part)])
        word = {"test": draw(st.sampled_from(("t10k", "test"))), "validation": "val"}.get(
            part, part
        )
        for what, values in ((f"images{separator}idx3", images), (f"labels{separator}idx1", codes)):
            data = idx_bytes(values)
            ending = draw(st.sampled_from(("", ".gz")))
            file = root / f"{prefix}{word}-{what}-ubyte{ending}"
            file.write_bytes(gzip.compress(data) if ending else data)
            if part == "train" and what.startswith("images") and draw(st.booleans()):
                path = file
    if draw(st.booleans()):
        return Layout(path, content, SourceOptions(class_names=names_file(draw, content, root)))
    return Layout(path, content.renamed(numbers(content)))


def cifar_files(content: Content, version: int) -> dict[str, bytes]:
    """The files of CIFAR's binary version with these images."""
    files: dict[str, bytes] = {}
    train, test = content.of("train"), content.of("test")
    if version == 10:
        shares = [train[place::5] for place in range(5)]
        batches = {f"data_batch_{n}.bin": share for n, share in enumerate(shares, 1) if share}
        batches |= {"test_batch.bin": test} if test else {}
        names_name = "batches.meta.txt"
    else:
        batches = {"train.bin": train} | ({"test.bin": test} if test else {})
        names_name = "fine_label_names.txt"
    for name, images in batches.items():
        records = []
        for image in images:
            code = content.class_names.index(image.label)
            prefix = bytes([code]) if version == 10 else bytes([0, code])
            records.append(prefix + np.moveaxis(image.pixels, 2, 0).tobytes())
        files[name] = b"".join(records)
    files[names_name] = ("\n".join(content.class_names) + "\n\n").encode()
    return files


def cifar(draw: Draw, root: Path) -> Layout:
    content = draw(contents(same_size=True, channels=(3,), undivided="train", size=(32, 32)))
    without = [image for image in content.images if image.part != "validation"]
    content = Content(content.class_names, tuple(without))
    files = cifar_files(content, draw(st.sampled_from((10, 100))))
    if draw(st.booleans()):
        for name, data in files.items():
            (root / name).write_bytes(data)
        return Layout(root, content)
    path = root / "cifar-binary.tar.gz"
    writer = TarWriter(path, "tar.gz")
    with writer:
        for name in draw(st.permutations(sorted(files))):
            writer.add(f"cifar-batches-bin/{name}", files[name])
    return Layout(path, content)
