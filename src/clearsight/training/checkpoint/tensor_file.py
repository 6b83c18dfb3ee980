"""Files of named tensors in the safetensors format, with a SHA-256 made as they are written.

The format is a length, a JSON header and the tensors' bytes: nothing in it can run. It is written
here, and not by the library of that name, because a checkpoint is written beside the training:
these writes let other threads run, take no second copy of the tensors, and tell a full disk as what
it is.
Source: https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import torch

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
    torch.bool: "BOOL",
}
_TYPES = {name: dtype for dtype, name in _NAMES.items()}
_LENGTH_BYTES = 8
_CHUNK_BYTES = 1 << 20  # a write this long lets a signal or another thread in soon enough


def write_tensors(file: IO[bytes], tensors: Mapping[str, torch.Tensor], text: str) -> str:
    """Write tensors and a text that belongs to them.

    Args:
        file: open for writing bytes.
        tensors: of any shape, on the CPU.
        text: kept in the header's metadata under "state".

    Returns:
        The SHA-256 of all that was written, in hexadecimal.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt", "state": text}}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    words = json.dumps(header, separators=(",", ":")).encode()
    words += b" " * (-len(words) % _LENGTH_BYTES)
    digest = hashlib.sha256()

    def put(data: bytes | memoryview) -> None:
        file.write(data)
        digest.update(data)

    put(len(words).to_bytes(_LENGTH_BYTES, "little"))
    put(words)
    for tensor in tensors.values():
        data = _bytes_of(tensor)
        for start in range(0, len(data), _CHUNK_BYTES):
            put(data[start : start + _CHUNK_BYTES])
    return digest.hexdigest()


def read_tensors(data: bytes) -> tuple[dict[str, torch.Tensor], str]:
    """Return the tensors, and the text, that `write_tensors` wrote.

    Args:
        data: a whole file, whose SHA-256 has been compared before.

    Raises:
        ValueError: when it is no such file.
    """
    try:
        length = int.from_bytes(data[:_LENGTH_BYTES], "little")
        body = _LENGTH_BYTES + length
        header = json.loads(data[_LENGTH_BYTES:body])
        text = header.pop("__metadata__")["state"]
        tensors = {}
        for name, entry in header.items():
            start, end = entry["data_offsets"]
            dtype = _TYPES[entry["dtype"]]
            piece = np.frombuffer(data, np.uint8, end - start, body + start).copy()
            tensors[name] = torch.from_numpy(piece).view(dtype).reshape(entry["shape"])
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"this is no file of tensors: {error}") from error
    return tensors, text


def size_bytes(tensors: Mapping[str, torch.Tensor]) -> int:
    """Return about how many bytes a file of these tensors takes."""
    return sum(tensor.numel() * tensor.element_size() + 200 for tensor in tensors.values())


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    """Return a tensor's bytes, without copying them where they lie in one piece."""
    values: Any = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    return memoryview(values)
