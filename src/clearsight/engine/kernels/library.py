"""The compiled kernels as torch operators: `call`, and whether this machine has one, `has_kernel`.

There are two libraries. ``_kernels`` is for processors that multiply bfloat16, with AVX-512.
``_kernels_avx2`` has the portable ones, compiled for AVX2. To add a kernel: a C function, whose
file is listed in pyproject.toml (a portable one for both libraries), and a row in `_OPERATORS`.
"""

import ctypes
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any

import torch

from clearsight.engine.runtime.processor import Instructions, cpu_supports

# The libraries' own `kernels_version`: one of another version is left over from older source.
_VERSION = 3

_LIBRARIES: dict[str, Instructions] = {"_kernels": "avx512_bf16", "_kernels_avx2": "avx2"}

# Outputs are arguments that change, so that an operator allocates nothing.
_OPERATORS = {
    "attention": "(Tensor query, Tensor key, Tensor value, Tensor? random_key, "
    "Tensor(a!) output, Tensor(b!)? log_sums, Tensor(c!) scratch, int[] sizes, float rate, "
    "int num_chunks) -> ()",
    "attention_backward": "(Tensor query, Tensor key, Tensor value, Tensor? random_key, "
    "Tensor output, Tensor gradient, Tensor log_sums, Tensor(a!) query_gradient, "
    "Tensor(b!) key_gradient, Tensor(c!) value_gradient, Tensor(d!) scratch, int[] sizes, "
    "float rate, int num_chunks) -> ()",
    "batch_normalization": "(Tensor values, Tensor? residual, Tensor? gamma, Tensor? beta, "
    "Tensor(a!) output, Tensor(b!) statistics, Tensor(c!) scratch, int[] sizes, float epsilon, "
    "int activation, bool frozen, int num_chunks) -> ()",
    "batch_normalization_backward": "(Tensor gradient, Tensor values, Tensor? output, "
    "Tensor statistics, Tensor(a!)? values_gradient, Tensor(b!)? masked, "
    "Tensor(c!)? parameter_gradients, Tensor(d!) scratch, int[] sizes, int activation, "
    "int num_chunks) -> ()",
    "depthwise_convolution": "(Tensor images, Tensor weights, Tensor? bias, Tensor(a!) output, "
    "Tensor(b!) scratch, int[] sizes, int num_chunks) -> ()",
    "depthwise_convolution_image_gradient": "(Tensor gradient, Tensor weights, "
    "Tensor(a!) output, Tensor(b!) scratch, int[] sizes, int num_chunks) -> ()",
    "depthwise_convolution_kernel_gradient": "(Tensor images, Tensor gradient, "
    "Tensor(a!) partial, Tensor(b!) scratch, int[] sizes, int num_chunks) -> ()",
    "few_channels_kernel_gradient": "(Tensor images, Tensor gradient, Tensor(a!) partial, "
    "Tensor(b!) scratch, int[] sizes, int num_chunks) -> ()",
    "max_pool": "(Tensor images, Tensor(a!) pooled, Tensor(b!)? winners, int count, int height, "
    "int width, int channels, bool rectified, int num_chunks) -> ()",
    "max_pool_backward": "(Tensor gradient, Tensor winners, Tensor(a!) output, int count, "
    "int height, int width, int channels, int num_chunks) -> ()",
    "max_pool_windows": "(Tensor images, Tensor(a!) pooled, Tensor(b!)? winners, int[] sizes, "
    "int count, int num_chunks) -> ()",
    "max_pool_windows_backward": "(Tensor gradient, Tensor winners, Tensor(a!) images_gradient, "
    "int[] sizes, int count, int num_chunks) -> ()",
    "average_pool_windows": "(Tensor images, Tensor(a!) pooled, int[] sizes, int count, "
    "int num_chunks) -> ()",
    "average_pool_windows_backward": "(Tensor gradient, Tensor(a!) images_gradient, int[] sizes, "
    "int count, int num_chunks) -> ()",
    "average_pool_images": "(Tensor images, Tensor(a!) means, int count, int pixels, "
    "int channels, int num_chunks) -> ()",
    "gate_images": "(Tensor images, Tensor gates, Tensor(a!) output, int count, int pixels, "
    "int channels, int num_chunks) -> ()",
    "gate_images_backward": "(Tensor gradient, Tensor images, Tensor gates, "
    "Tensor(a!) images_gradient, Tensor(b!) gates_gradient, int count, int pixels, int channels, "
    "int num_chunks) -> ()",
    "first_convolution": "(Tensor images, Tensor kernel, Tensor bias, Tensor(a!) pooled, "
    "Tensor(b!)? winners, Tensor(c!) padded, int[] sizes, bool rectified, int num_chunks) -> ()",
    "first_convolution_backward": "(Tensor images, Tensor gradient, Tensor winners, "
    "Tensor(a!) padded, Tensor(b!) partial, int[] sizes, int num_chunks) -> ()",
    "pooled_convolution_backward": "(Tensor images, Tensor kernel, Tensor gradient, "
    "Tensor winners, Tensor(a!)? output, Tensor(b!) partial, Tensor(c!) scratch, int[] sizes, "
    "int num_chunks) -> ()",
    "dropout": "(Tensor values, Tensor key, Tensor(a!) output, int num_values, float rate, "
    "bool is_float32, int num_chunks) -> ()",
    "masked_rows": "(Tensor values, Tensor factors, Tensor(a!) output, int[] sizes, "
    "bool is_float32, int num_chunks) -> ()",
    "affine": "(Tensor images, Tensor matrices, Tensor(a!) output, int[] shape, int fill_mode, "
    "float fill_value, bool is_bilinear, int num_chunks) -> ()",
}


@cache
def library() -> ctypes.CDLL | None:
    """Load the kernels that are made for this machine's processor.

    Returns:
        None if they were not compiled, if the processor has not even AVX2, or if torch brings no
        OpenMP library whose threads they can use.
    """
    for name, instructions in _LIBRARIES.items():
        found = find_spec(f"{__package__}.{name}")
        if found is None or found.origin is None or not cpu_supports(instructions):
            continue
        try:
            loaded = ctypes.CDLL(found.origin)
            if loaded.kernels_version() == _VERSION:
                return loaded
        except (OSError, AttributeError):
            continue
    return None


@cache
def has_kernel(name: str) -> bool:
    """Return whether the loaded library has a kernel; if not, torch's operations do the work."""
    return library() is not None and hasattr(library(), name)


def call(name: str, *arguments: Any) -> None:
    """Call a kernel as a torch operator, so that tracing and profiling see it.

    Args:
        name: of a kernel that `has_kernel` knows.
        arguments: as in the operator's schema; tensors are contiguous.
    """
    _overload(name)(*arguments)


@cache
def _overload(name: str) -> Any:
    return getattr(torch.ops.clearsight, name).default


@lru_cache(maxsize=1024)
def scratch_size(name: str, sizes: tuple[int, ...]) -> int:
    """Return the number of float32 values of scratch memory that a chunk needs."""
    function = getattr(library(), f"{name}_scratch_size")
    function.restype = ctypes.c_ssize_t
    return function(_as_array(sizes))


def float32_zeros(*shape: int) -> torch.Tensor:
    """Return zeros in the memory that the library works with, whatever torch's defaults are."""
    return torch.zeros(shape, dtype=torch.float32, device="cpu")


@lru_cache(maxsize=1024)
def _as_array(numbers: tuple[int, ...]) -> Any:
    return (ctypes.c_ssize_t * len(numbers))(*numbers)


def _as_pointer(tensor: torch.Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _register(name: str, schema: str) -> None:
    """Define an operator that calls the C function of its name, with each argument in C's form."""
    _OPERATOR_LIBRARY.define(name + schema)
    types = [str(argument.type) for argument in torch._C.parse_schema(name + schema).arguments]

    @cache
    def function() -> Any:
        found = getattr(library(), name)
        found.argtypes, found.restype = [_IN_C[kind][0] for kind in types], None
        return found

    conversions = [_IN_C[kind][1] for kind in types]

    def run(*arguments: Any) -> None:
        function()(*[convert(value) for convert, value in zip(conversions, arguments, strict=True)])

    _OPERATOR_LIBRARY.impl(name, run, "CPU")
    _OPERATOR_LIBRARY.impl(name, lambda *_: None, "Meta")


_IN_C: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "Tensor": (ctypes.c_void_p, torch.Tensor.data_ptr),
    "Optional[Tensor]": (ctypes.c_void_p, _as_pointer),
    "List[int]": (ctypes.POINTER(ctypes.c_ssize_t), lambda numbers: _as_array(tuple(numbers))),
    "int": (ctypes.c_ssize_t, int),
    "float": (ctypes.c_double, float),
    "bool": (ctypes.c_int, bool),
}

_OPERATOR_LIBRARY = torch.library.Library("clearsight", "FRAGMENT")
for _name, _schema in _OPERATORS.items():
    _register(_name, _schema)
