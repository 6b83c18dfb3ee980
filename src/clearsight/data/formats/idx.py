"""Reading IDX, the file format of MNIST.

The format: two zero bytes, a type code, the number of axes, one big-endian uint32 an axis, then
the values in C order. Source: http://yann.lecun.com/exdb/mnist/ ("THE IDX FILE FORMAT").
"""

from __future__ import annotations

import struct

import numpy as np

from clearsight.errors import DataError

_UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes, num_axes: int, name: str) -> np.ndarray:
    """Return the array in an IDX file's content.

    Args:
        content: the whole file, decompressed.
        num_axes: how many axes it should have: 3 for images, 1 for labels.
        name: what to call the file in messages.

    Returns:
        uint8, a read-only view of `content` with the shape in its header.

    Raises:
        DataError: when the first bytes, the number of axes or the length are wrong.
    """
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
    shape = struct.unpack(f">{num_axes}I", content[4:header_bytes])
    expected_bytes = header_bytes + int(np.prod(shape, dtype=np.uint64))
    if len(content) != expected_bytes:
        raise DataError(
            f"{name} should be {expected_bytes:,} bytes long for the shape {shape} in its header, "
            f"but is {len(content):,}: it is damaged; download it again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)
