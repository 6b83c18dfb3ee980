"""The compiled library: whether it is there, and whether this machine can run it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch

NAME = "clearsight.engine.kernels._kernels"
_VERSION = (
    1  # the library's own `kernels_version`: one of another is left over from an older source
)

_pointer, _size, _int = ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int
_FUNCTIONS = {
    "max_pool": ([_pointer] * 3 + [_size] * 4 + [_int] * 2, None),
    "max_pool_backward": ([_pointer] * 3 + [_size] * 4 + [_int], None),
    "first_convolution": ([_pointer] * 7 + [_int] * 2, None),
    "first_convolution_backward": ([_pointer] * 6 + [_int], None),
    "first_convolution_scratch_size": ([_pointer], _size),
    "pooled_convolution_backward": ([_pointer] * 8 + [_int], None),
    "pooled_convolution_scratch_size": ([_pointer], _size),
}


@cache
def library() -> ctypes.CDLL | None:
    """Load the kernels.

    Returns:
        None where they were not compiled, where the processor does not multiply bfloat16 (for no
        other they are made), or where torch brings no OpenMP library whose threads they can use.
    """
    found = find_spec(NAME)
    # Torch has no public way to ask a CPU; what it lacks it answers with no.
    is_able = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
    if found is None or found.origin is None or not is_able:
        return None
    try:
        loaded = ctypes.CDLL(found.origin)
        if loaded.kernels_version() != _VERSION:
            return None
        for name, (arguments, result) in _FUNCTIONS.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError):
        return None
    return loaded


def call(name: str, tensors: Sequence[torch.Tensor | None], *rest: Any) -> Any:
    """Call a function of the library, which must be there.

    Args:
        name: of the function.
        tensors: contiguous; their addresses are its first arguments. They live until it returns.
        rest: its other arguments.
    """
    loaded = library()
    assert loaded is not None
    addresses = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
    return getattr(loaded, name)(*addresses, *rest)


def num_shares(images: torch.Tensor) -> int:
    """Return in how many shares so many images are worked on: at most one a thread."""
    return max(1, min(torch.get_num_threads(), len(images)))


def float32(*shape: int) -> torch.Tensor:
    """Return zeros in the memory that the library works with, whatever torch's defaults are."""
    return torch.zeros(shape, dtype=torch.float32, device="cpu")
