"""CIFAR-10 and CIFAR-100 in their binary version, as a folder or as the original archive.

The format: https://www.cs.toronto.edu/~kriz/cifar.html ("Binary version").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays
from clearsight.data.formats.damage import DAMAGE, report_damage
from clearsight.data.formats.tar_archive import TAR_SUFFIXES, first_files
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.listing import Part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.io.regular_file import open_regular

_SIDE, _CHANNELS = 32, 3
_IMAGE_BYTES = _SIDE * _SIDE * _CHANNELS
_MAX_BYTES = 1_000_000_000  # CIFAR-100's training file, the largest, has 153,700,000
_MAX_FILES = 30  # the archives have eight
_PICKLED = {"data_batch_1", "data_batch_2", "test_batch", "batches.meta"}
# The folders in the original archives.
_FOLDERS = {
    "cifar-10-batches-bin", "cifar-100-binary", "cifar-10-batches-py", "cifar-100-python",
}  # fmt: skip


@dataclass(frozen=True)
class _Version:
    """One of the two datasets: the names of its files, and the form of its records."""

    name: str
    train: tuple[str, ...]
    test: str
    class_names: str
    label_bytes: int  # at the beginning of a record; the last of them is the class

    @property
    def record_bytes(self) -> int:
        return self.label_bytes + _IMAGE_BYTES


_VERSIONS = (
    _Version(
        "CIFAR-10",
        tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test_batch.bin",
        "batches.meta.txt",
        1,
    ),
    _Version("CIFAR-100", ("train.bin",), "test.bin", "fine_label_names.txt", 2),
)
_IMAGE_FILES = {name for version in _VERSIONS for name in (*version.train, version.test)}
_NAMES = _IMAGE_FILES | {version.class_names for version in _VERSIONS}


def matches(path: Path) -> bool:
    """Return whether `path` is a folder or a tar archive with CIFAR's files."""
    if path.is_dir():
        return _is_cifar({file.name for file in path.iterdir() if file.is_file()})
    if not (path.is_file() and path.name.lower().endswith(TAR_SUFFIXES)):
        return False
    try:
        paths = [path for path, _, _ in first_files(path, 2)]
    except DAMAGE:
        return False  # opening it as an archive explains the damage
    has_folder = any(path.split("/")[0] in _FOLDERS for path in paths)
    return has_folder or _is_cifar({path.rpartition("/")[2] for path in paths})


def _is_cifar(names: set[str]) -> bool:
    known = {*_IMAGE_FILES, *_PICKLED, "batches.meta.txt"}
    return bool(names & known) or {"train", "test", "meta"} <= names


def open_cifar(path: Path, options: SourceOptions) -> Splits:
    """Read CIFAR-10 or CIFAR-100 (with its 100 fine classes).

    Raises:
        DataError: when files are missing or damaged, or are the pickled version for Python.
    """
    content_of: dict[str, bytes] = {}
    seen = set()
    with report_damage(path, "a folder or archive of CIFAR's files"):
        for inner_path, file, size in _files(path):
            name = inner_path.rpartition("/")[2]
            seen.add(name)
            if name in _NAMES:
                if size > _MAX_BYTES:
                    raise DataError(
                        f"{name} should be one of CIFAR's files, but has {size:,} bytes."
                    )
                content_of[name] = file.read(size)
    version = next((v for v in _VERSIONS if set(v.train) & set(content_of)), None)
    if version is None:
        if seen & {*_PICKLED, "meta"}:
            raise DataError(
                f"{path} should be the binary version of CIFAR, but is the one for Python, which "
                "is pickled and could run arbitrary code: get cifar-10-binary.tar.gz or "
                "cifar-100-binary.tar.gz instead."
            )
        raise DataError(
            f"{path} should contain CIFAR's training files (data_batch_1.bin to data_batch_5.bin, "
            "or train.bin), but does not."
        )
    absent = [name for name in version.train if name not in content_of]
    notes = (f"{path} lacks {', '.join(absent)} of {version.name}.",) if absent else ()
    images: dict[Part, np.ndarray] = {}
    labels: dict[Part, np.ndarray] = {}
    names_of: dict[Part, tuple[str, ...]] = {"train": version.train, "test": (version.test,)}
    for part, names in names_of.items():
        records = [
            _records(content_of[name], name, version) for name in names if name in content_of
        ]
        if records:
            images[part], labels[part] = map(np.concatenate, zip(*records, strict=True))
    class_names = _class_names(content_of.get(version.class_names), path)
    return RawArrays(images, labels, str(path), class_names, notes=notes).to_splits(options)


def _files(path: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    if not path.is_dir():
        yield from first_files(path, _MAX_FILES)
        return
    for file in sorted(path.iterdir()):
        if file.is_file():
            with open_regular(file) as opened:
                yield file.name, opened, file.stat().st_size


def _records(content: bytes, name: str, version: _Version) -> tuple[np.ndarray, np.ndarray]:
    """Return a file's images, uint8 (N, 32, 32, 3), and labels, uint8 (N,)."""
    if not content or len(content) % version.record_bytes:
        raise DataError(
            f"{name} should consist of records of {version.record_bytes:,} bytes, but has "
            f"{len(content):,} bytes: it is damaged, get it again."
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, version.record_bytes)
    planes = records[:, version.label_bytes :].reshape(-1, _CHANNELS, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, version.label_bytes - 1]


def _class_names(content: bytes | None, path: Path) -> ClassNames | None:
    if content is None:
        return None
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    names = tuple(filter(None, lines))
    return ClassNames(names, tuple(range(len(names))), origin=f"The class names in {path}")
