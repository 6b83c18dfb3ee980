from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clearsight.data.formats.compression import read_unpacked
from clearsight.data.formats.idx import parse_idx
from clearsight.errors import DataError


def idx(values: np.ndarray, type_code: int = 8) -> bytes:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, type_code, values.ndim, *values.shape)
    return header + values.tobytes()


@given(st.integers(1, 3).flatmap(lambda n: arrays(np.uint8, st.tuples(*[st.integers(0, 6)] * n))))
def test_a_written_file_is_read_back(values: np.ndarray) -> None:
    assert np.array_equal(parse_idx(idx(values), values.ndim, "file"), values)


@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_plain_and_gzipped_files_have_the_same_content(tmp_path: Path, compress) -> None:
    content = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    path = tmp_path / "images"
    path.write_bytes(compress(content))
    assert read_unpacked(path) == content


GOOD = idx(np.zeros((2, 3, 4), dtype=np.uint8))


@pytest.mark.parametrize(
    ("content", "num_axes", "message"),
    [
        (b"\x89PNG" + GOOD[4:], 3, "first two bytes zero"),
        (b"", 3, "begins with nothing"),
        (idx(np.zeros((2, 3, 4), dtype=np.uint8), type_code=0x0D), 3, "its type is 0x0d"),
        (GOOD, 1, "should have 1 axes, but has 3"),
        (GOOD[:9], 3, "ends within its header"),
        (GOOD[:-1], 3, "should be 40 bytes long for the shape"),
        (GOOD + b"x", 3, "but is 41: it is damaged"),
    ],
)
def test_a_damaged_file_is_an_error(content: bytes, num_axes: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(content, num_axes, "file")


def test_damaged_compression_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(GOOD * 100)[:-9])
    with pytest.raises(DataError, match=r"images\.gz cannot be read"):
        read_unpacked(path)
