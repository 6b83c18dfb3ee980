"""IDX files, the format of MNIST and its relatives: images and labels, training and test.

The format: two zero bytes, a type code, the number of axes, one big-endian uint32 per axis, then
the values in C order. Source: http://yann.lecun.com/exdb/mnist/ ("THE IDX FILE FORMAT").
"""

import math
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clearsight.data.arrays.raw_arrays import RawArrays
from clearsight.data.formats.compression import open_unpacked
from clearsight.data.formats.damage import report_damage
from clearsight.data.labels.class_names import ClassNames
from clearsight.data.limits import max_unpacked_bytes
from clearsight.data.listing import PART_NAMES, Part
from clearsight.data.sources.options import SourceOptions
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from clearsight.io.machine import memory_bytes
from clearsight.io.regular_file import read_regular

_UNSIGNED_BYTE = 0x08
_MAX_MAPPING_BYTES = 1_000_000  # EMNIST's largest has 62 short lines
_NAME = re.compile(
    r"(?:(?P<prefix>.+)[-_])?(?P<part>train|t10k|test|val|valid|validation)[-_]"
    r"(?P<what>images[-.]idx3|labels[-.]idx1)[-_]ubyte(?:\.gz)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _IdxName:
    prefix: str
    part: Part
    num_axes: int


def matches(path: Path) -> bool:
    """Return whether `path` is an IDX file of images or labels, or a folder with some."""
    if path.is_dir():
        return any(_name_of(file) for file in path.iterdir())
    return path.is_file() and _name_of(path) is not None


def open_idx(path: Path, options: SourceOptions) -> Splits:
    """Read the IDX files in a folder, or those that belong to one file of images.

    EMNIST's images, which are stored transposed, are turned upright.

    Raises:
        DataError: when a file is missing, damaged or not what its name says, or a folder has
            files of several datasets.
    """
    folder = path if path.is_dir() else path.parent
    found: dict[_IdxName, Path] = {}
    for file in sorted(folder.iterdir(), reverse=True):  # plain files replace gzipped ones
        name = _name_of(file)
        if name is not None and file.is_file():
            found[name] = file
    prefixes = sorted({name.prefix for name in found})
    chosen = _name_of(path)
    if path.is_file() and chosen is not None:
        found[chosen] = path
        prefixes = [chosen.prefix]
    if len(prefixes) > 1:
        raise DataError(
            f"{path} should contain the IDX files of one dataset, but contains those of "
            f"{', '.join(prefix or 'one without a name' for prefix in prefixes)}: give the path of "
            "one file of images."
        )
    images, labels = _read_parts({n: f for n, f in found.items() if n.prefix == prefixes[0]}, path)
    notes: tuple[str, ...] = ()
    if prefixes[0].lower().startswith("emnist"):
        # https://www.tensorflow.org/datasets/catalog/emnist
        for part, array in images.items():
            images[part] = array.transpose(0, 2, 1)
        notes = ("EMNIST's images are stored transposed; they were turned upright.",)
    names = _read_mapping(folder / f"{prefixes[0]}-mapping.txt")
    return RawArrays(images, labels, str(path), names, notes=notes).to_splits(options)


def _name_of(path: Path) -> _IdxName | None:
    matched = _NAME.fullmatch(path.name)
    if matched is None:
        return None
    part = "test" if matched["part"].lower() == "t10k" else matched["part"].lower()
    num_axes = 3 if matched["what"].lower().startswith("images") else 1
    return _IdxName(matched["prefix"] or "", PART_NAMES[part], num_axes)


def _read_parts(
    found: dict[_IdxName, Path], path: Path
) -> tuple[dict[Part, np.ndarray], dict[Part, np.ndarray]]:
    """Return the images and the labels of each part."""
    arrays: dict[int, dict[Part, np.ndarray]] = {3: {}, 1: {}}  # by number of axes
    for name, file in found.items():
        if replace(name, num_axes=4 - name.num_axes) not in found:
            raise DataError(
                f"{path} should contain images and labels for each part, but next to {file.name} "
                f"there is no file of {'labels' if name.num_axes == 3 else 'images'}: MNIST's are "
                "called train-images-idx3-ubyte and train-labels-idx1-ubyte."
            )
        arrays[name.num_axes][name.part] = _read(file, name.num_axes)
    return arrays[3], arrays[1]


def _read(file: Path, num_axes: int) -> np.ndarray:
    """Read one file; of a gzipped one no more than its header says."""
    packed_bytes = file.stat().st_size
    with report_damage(file, "an IDX file"), open_unpacked(file) as opened:
        header = opened.read(4 + 4 * num_axes)
        length = math.prod(_parse_header(header, num_axes, str(file)))
        if length > min(max_unpacked_bytes(packed_bytes), memory_bytes()):
            raise DataError(
                f"{file} should contain as much as its {packed_bytes:,} bytes allow, but its "
                f"header claims {length:,} values: it is damaged, get it again."
            )
        return parse_idx(header + opened.read(length + 1), num_axes, str(file))


def parse_idx(content: bytes, num_axes: int, name: str) -> np.ndarray:
    """Return the array in an IDX file's decompressed content.

    It should have `num_axes` axes: 3 for images, 1 for labels.

    Returns:
        uint8 (N, H, W) or (N,), a read-only view of `content` with the shape in its header.

    Raises:
        DataError: when the first bytes, the number of axes or the length are wrong.
    """
    shape = _parse_header(content, num_axes, name)
    header_bytes = 4 + 4 * num_axes
    expected_bytes = header_bytes + math.prod(shape)
    if len(content) != expected_bytes:
        raise DataError(
            f"{name} should be {expected_bytes:,} bytes long for the shape {shape} in its header, "
            f"but is {len(content):,}: it is damaged; download it again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def _parse_header(content: bytes, num_axes: int, name: str) -> tuple[int, ...]:
    """Return the shape in the header that `content` begins with."""
    if len(content) < 4 or content[:2] != b"\x00\x00":
        raise DataError(
            f"{name} should be an IDX file (its first two bytes zero), but begins with "
            f"{content[:4].hex(' ') or 'nothing'}: give the four files of MNIST's format."
        )
    type_code, found_axes = content[2], content[3]
    if type_code != _UNSIGNED_BYTE:
        raise DataError(
            f"{name} should hold unsigned bytes (IDX type 0x08), but its type is 0x{type_code:02x}."
        )
    if found_axes != num_axes:
        raise DataError(
            f"{name} should have {num_axes} axes, but has {found_axes}: "
            "images have 3 and labels 1, are the two files swapped?"
        )
    header_bytes = 4 + 4 * num_axes
    if len(content) < header_bytes:
        raise DataError(f"{name} ends within its header: it is cut short; download it again.")
    return struct.unpack(f">{num_axes}I", content[4:header_bytes])


def _read_mapping(file: Path) -> ClassNames | None:
    """Read EMNIST's class names: each line has a class's number and the code of its letter."""
    try:
        lines = read_regular(file, _MAX_MAPPING_BYTES).decode("ascii").splitlines()
        pairs = sorted((int(line.split()[0]), chr(int(line.split()[1]))) for line in lines if line)
    except (OSError, ValueError, IndexError, OverflowError):
        return None  # the class names are numbers then
    numbers, names = [number for number, _ in pairs], [name for _, name in pairs]
    is_valid = len(set(numbers)) == len(numbers) and len(set(names)) == len(names) > 1
    return ClassNames(tuple(names), tuple(numbers)) if is_valid else None
