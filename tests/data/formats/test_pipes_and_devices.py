"""Named pipes and devices, wherever a source may have a file, never block and are never read."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearsight.data.formats import FORMATS
from clearsight.data.formats.image_files import FileReader
from clearsight.data.image_list import read_image_list
from clearsight.data.labels.class_names import read_class_names
from clearsight.data.limits import MAX_IMAGE_BYTES
from clearsight.data.preparation.read_image import read_image
from clearsight.data.sources.load import load_splits
from clearsight.data.splits.removal import read_removals
from clearsight.errors import DataError
from support.formats.binary_layouts import idx_bytes
from support.formats.breakage import PNG, class_folders

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
MAX_SECONDS = 20


def result_of(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or the `DataError` that it raises, unless it blocks."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except DataError as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS)
    assert not thread.is_alive(), "it waits for a pipe"
    assert results, "it raised something else than a DataError"
    return results[0]


def in_class_folders(root: Path) -> Path:
    class_folders(root)
    for name in ("a/pipe.png", "b/pipe", "pipe.csv", "b/pipe.parquet"):
        os.mkfifo(root / name)
    (root / "a" / "zero.png").symlink_to("/dev/zero")
    return root


def arrays(root: Path) -> Path:
    np.save(root / "y_train.npy", np.array([0, 1]))
    os.mkfifo(root / "x_train.npy")
    return root


def labels_of_arrays(root: Path) -> Path:
    np.save(root / "x_train.npy", np.zeros((2, 5, 5), np.uint8))
    os.mkfifo(root / "y_train.npy")
    return root


def idx(root: Path) -> Path:
    (root / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([0, 1])))
    os.mkfifo(root / "train-images-idx3-ubyte")
    return root


def mapping_of_idx(root: Path) -> Path:
    """Its images are read all the same: the classes are numbers then."""
    (root / "emnist-train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([0, 1])))
    (root / "emnist-train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((2, 5, 5))))
    os.mkfifo(root / "emnist-mapping.txt")
    return root


def cifar(root: Path) -> Path:
    os.mkfifo(root / "data_batch_1.bin")
    (root / "test_batch.bin").write_bytes(b"")
    return root


def saved_dataset(root: Path) -> Path:
    (root / "dataset_dict.json").write_text('{"splits": ["train"]}')
    (root / "train").mkdir()
    os.mkfifo(root / "train" / "state.json")
    return root


def arrow(root: Path) -> Path:
    (root / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    os.mkfifo(root / "data.arrow")
    return root


def parquet(root: Path) -> Path:
    os.mkfifo(root / "train-00000-of-00001.parquet")
    return root


def paths_in_a_table(root: Path) -> Path:
    (root / "table.csv").write_text("image,label\na.png,cat\npipe.png,dog\n")
    (root / "a.png").write_bytes(PNG)
    os.mkfifo(root / "pipe.png")
    return root / "table.csv"


def devices_in_a_table(root: Path) -> Path:
    (root / "table.csv").write_text("image,label\n/dev/zero,cat\n/dev/stdin,dog\n")
    return root / "table.csv"


def archive(root: Path) -> Path:
    os.mkfifo(root / "a.zip")
    return root / "a.zip"


def table(root: Path) -> Path:
    os.mkfifo(root / "a.csv")
    return root / "a.csv"


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (in_class_folders, ""),
        (arrays, "x_train.npy should be a NumPy array, but cannot be read (it is a named pipe"),
        (labels_of_arrays, "y_train.npy should be a NumPy array, but cannot be read (it is a"),
        (idx, "there is no file of images"),
        (mapping_of_idx, ""),
        (cifar, ""),
        (saved_dataset, "it is a named pipe, not a file"),
        (arrow, "it is a named pipe, not a file"),
        (parquet, "it is a named pipe, not a file"),
        (paths_in_a_table, "is not a regular file"),
        (devices_in_a_table, "leads out of"),
        (archive, "but is a device, a pipe or a socket: copy what it gives into a file"),
        (table, "but is a device, a pipe or a socket: copy what it gives into a file"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_source_with_pipes_or_devices(
    tmp_path: Path, write: Callable[[Path], Path], expected: str
) -> None:
    path = write(tmp_path)
    found = result_of(lambda: load_splits(str(path)))
    if expected or isinstance(found, DataError):
        assert isinstance(found, DataError)
        assert expected in str(found)
    for form in FORMATS:
        result_of(lambda form=form: form.matches(path))


@pytest.mark.parametrize("kind", ["pipe", "zero", "socket"])
def test_a_file_of_the_users_is_a_pipe_or_a_device(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "given"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    else:
        import socket

        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    for read in (
        read_class_names,
        read_removals,
        lambda path: read_image_list(path, (), "data check"),
        read_image,
    ):
        found = result_of(lambda read=read: read(path))
        assert isinstance(found, DataError)
        assert "not a file" in str(found)


def test_what_became_a_pipe_or_is_too_large_is_a_bad_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    reader = FileReader(str(tmp_path))
    (_, pipe), (_, huge) = result_of(lambda: list(reader.each(["pipe.png", "huge.png"])))
    assert str(pipe) == (
        "pipe.png should be an image, but cannot be read: it is a named pipe, not a file."
    )
    assert "it is larger than 200,000,000 bytes" in str(huge)
    assert "it is larger than 200,000,000 bytes" in str(
        result_of(lambda: read_image(tmp_path / "huge.png"))
    )
