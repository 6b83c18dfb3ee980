"""NumPy's files: a `.npz` file of images and labels, or `.npy` files next to each other.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy_format

from clearsight.data.arrays.pairs import CLASS_NAME_ARRAYS, find_array_pairs, parse_array_name
from clearsight.data.arrays.raw_arrays import collect_arrays
from clearsight.data.formats.damage import report_damage
from clearsight.data.formats.zip_archive import check_directory
from clearsight.data.limits import max_unpacked_bytes
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.io.machine import memory_bytes
from clearsight.io.regular_file import open_regular

_MAX_ARRAYS = 100_000  # in a .npz file
_MAX_HEADER = 10_000  # characters; a header of plain numbers has about 120


@dataclass(frozen=True)
class _NpyHeader:
    """The header of a NumPy file.

    Attributes:
        shape: the array's shape.
        dtype: its type.
        header_bytes: where its values begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    header_bytes: int

    @property
    def size_bytes(self) -> int:
        """How long the file should be."""
        return self.header_bytes + math.prod(self.shape) * self.dtype.itemsize


def matches(path: Path) -> bool:
    """Return whether `path` is a .npz or .npy file, or a folder with .npy files of images."""
    if path.is_dir():
        return any(_is_images(file) for file in path.glob("*.npy"))
    return path.suffix.lower() in (".npz", ".npy") and path.is_file()


def open_array_files(path: Path, options: SourceOptions) -> Splits:
    """Read images and labels from NumPy's files; nothing is ever unpickled.

    Images in .npy files stay on disk and are memory-mapped if they are uint8.

    Raises:
        DataError: when they cannot be read, have no usual names, or hold something else.
    """
    if path.suffix.lower() == ".npz" and path.is_file():
        return _open_npz(path, options)
    if path.is_dir():
        files = {file.stem: file for file in sorted(path.glob("*.npy"))}
        return _open_npy(files, str(path), options)
    known = parse_array_name(path.stem)
    if known is None:
        return _open_npy({"x": path, "y": _labels_of(path)}, str(path), options)
    if known.role == "labels":
        raise DataError(
            f"{path} should hold images, but has a name for labels: give the file of the images "
            "next to it, or the folder."
        )
    # Not other images of the same part, or arrays of anything else.
    files = {
        file.stem: file
        for file in sorted(path.parent.glob("*.npy"))
        if file == path or (_is_wanted(file.stem) and parse_array_name(file.stem) != known)
    }
    return _open_npy(files, str(path), options)


def _is_images(file: Path) -> bool:
    return _means_images(file.stem)


def _means_images(name: str) -> bool:
    known = parse_array_name(name)
    return known is not None and known.role == "images"


def _labels_of(path: Path) -> Path:
    candidates = (f"{path.stem}_labels.npy", f"{path.stem}_y.npy", "labels.npy", "y.npy")
    for name in candidates:
        if (path.parent / name).is_file():
            return path.parent / name
    raise DataError(
        f"{path} should have its labels next to it, in {candidates[0]}, labels.npy or y.npy, but "
        "there is no such file."
    )


def _is_wanted(name: str) -> bool:
    return parse_array_name(name) is not None or name in CLASS_NAME_ARRAYS


def _open_npy(files: dict[str, Path], provenance: str, options: SourceOptions) -> Splits:
    headers = {name: _npy_header(file) for name, file in files.items() if _is_wanted(name)}
    num_axes = {name: len(header.shape) for name, header in headers.items()}
    others = [name for name in files if name not in headers]
    arrays = collect_arrays(
        num_axes, lambda name: _map(files[name], headers[name]), provenance, others
    )
    return arrays.to_splits(options)


def _npy_header(file: Path) -> _NpyHeader:
    with report_damage(file, "a NumPy array"), open_regular(file) as opened:
        return _read_header(opened, str(file), file.stat().st_size)


def _map(file: Path, header: _NpyHeader) -> np.ndarray:
    if 0 in header.shape or not header.shape:  # nothing to map
        return np.zeros(header.shape, dtype=header.dtype)
    with report_damage(file, "a NumPy array"):
        return np.load(file, mmap_mode="r", allow_pickle=False)


def _open_npz(path: Path, options: SourceOptions) -> Splits:
    with report_damage(path, "a .npz file of NumPy's"), open_regular(path) as file:
        check_directory(file, str(path), _MAX_ARRAYS)
        archive = zipfile.ZipFile(file)
        members = {
            member.filename.removesuffix(".npy"): member
            for member in archive.infolist()
            if member.filename.endswith(".npy")
        }
        wanted = [name for name in members if _is_wanted(name)]
        if not any(map(_means_images, wanted)):
            find_array_pairs(members, (), str(path))  # raises, with the names of all arrays
        num_axes = {name: len(_npz_header(archive, members[name], path).shape) for name in wanted}
        arrays = collect_arrays(
            num_axes,
            lambda name: _read_array(archive, members[name]),
            str(path),
            others=[name for name in members if name not in wanted],
        )
        return arrays.to_splits(options)


def _npz_header(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> _NpyHeader:
    name = f"'{member.filename.removesuffix('.npy')}' in {path}"
    with archive.open(member) as file:
        header = _read_header(file, name, member.file_size)
    packed_bytes = min(member.compress_size, path.stat().st_size)  # of which the first is a claim
    if header.size_bytes > min(max_unpacked_bytes(packed_bytes), memory_bytes()):
        raise DataError(
            f"{name} should fit into memory and not be nearly uniform, but unpacks from "
            f"{packed_bytes:,} to {header.size_bytes:,} bytes: save it as .npy, which is "
            "read from disk as needed."
        )
    return header


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        array = npy_format.read_array(file, allow_pickle=False)
        file.read(1)  # the checksum is compared at the very end
    array.flags.writeable = False  # nothing else refers to it, so it need not be copied
    return array


def _read_header(file: IO[bytes], name: str, length_bytes: int) -> _NpyHeader:
    """Read the header at a file's start, and check that it holds plain values and is complete.

    Raises:
        DataError: when it is damaged, no NumPy array, or one of Python objects.
    """
    with report_damage(name, "a NumPy array"):
        version = npy_format.read_magic(file)[0]
        read = {1: npy_format.read_array_header_1_0}.get(version, npy_format.read_array_header_2_0)
        shape, _, dtype = read(file, max_header_size=_MAX_HEADER)
        header = _NpyHeader(tuple(int(axis) for axis in shape), dtype, file.tell())
    if dtype.hasobject:
        raise DataError(
            f"{name} should hold plain numbers or text, but holds Python objects, which are never "
            "unpickled: save it with a plain dtype such as uint8."
        )
    if min(header.shape, default=0) < 0:
        raise DataError(f"{name} should be a NumPy array, but its header says {header.shape}.")
    if length_bytes != header.size_bytes:
        raise DataError(
            f"{name} should be {header.size_bytes:,} bytes long for {header.dtype} {header.shape}, "
            f"but is {length_bytes:,}: it is damaged, get it again."
        )
    return header
