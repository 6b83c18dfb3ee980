"""The compiled library: whether it is there, and whether this machine can run it."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec

import torch

NAME = "clearsight.engine.native._kernels"

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
    except OSError:
        return None
    for name, (arguments, result) in _FUNCTIONS.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, result
    return loaded


def kernels() -> ctypes.CDLL:
    """Return the library where it has been asked for before."""
    loaded = library()
    assert loaded is not None
    return loaded


def addresses(*tensors: torch.Tensor | None) -> list[int | None]:
    """Return where each tensor's values lie; None stands for no tensor."""
    return [None if tensor is None else tensor.data_ptr() for tensor in tensors]
