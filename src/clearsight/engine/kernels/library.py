"""The compiled library: whether it is there, whether this machine can run it, and calls of it."""

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch

from clearsight.engine.runtime.processor import cpu_supports

NAME = "clearsight.engine.kernels._kernels"
# The library's own `kernels_version`: one of another version is left over from older source.
_VERSION = 1

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
        None if they were not compiled, if the processor does not multiply bfloat16 (they are made
        for no other), or if torch brings no OpenMP library whose threads they can use.
    """
    found = find_spec(NAME)
    if found is None or found.origin is None or not cpu_supports("avx512_bf16"):
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


def float32_zeros(*shape: int) -> torch.Tensor:
    """Return zeros in the memory that the library works with, whatever torch's defaults are."""
    return torch.zeros(shape, dtype=torch.float32, device="cpu")
