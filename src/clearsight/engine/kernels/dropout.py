"""Dropout whose mask is drawn on all threads, and again in the backward pass; see `dropout.c`."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call, has_kernel

# The kernel's rates are right to 2^-17; beyond these that would be more than 1% of the rate.
_MIN_RATE, _MAX_RATE = 2**-10, 1 - 2**-10


def can_drop(values: torch.Tensor, rate: float) -> bool:
    """Return whether there is a kernel for `drop_values` of these values with this rate."""
    return (
        values.dtype in (torch.bfloat16, torch.float32)
        and values.device.type == "cpu"
        and _MIN_RATE <= rate <= _MAX_RATE
        and has_kernel("dropout")
    )


def draw_key() -> torch.Tensor:
    """Draw a key of a mask from torch's generator: int64 (1,), all of whose bits are random."""
    return torch.randint(-(2**63), 2**63 - 1, (1,), dtype=torch.int64, device="cpu")


def drop_values(values: torch.Tensor, rate: float, key: torch.Tensor) -> torch.Tensor:
    """Set each value to 0 with probability `rate`, and divide the others by 1 - `rate`.

    What is dropped depends on the key and on the order of the values in memory alone, not on the
    number of threads or the processor. The backward pass draws the same mask again.

    Args:
        values: bfloat16 or float32, any shape, on the CPU; see `can_drop`.
        rate: between 2^-10 and 1 - 2^-10.
        key: int64 (1,). The same key and shape give the same mask.

    Returns:
        The same shape and dtype.
    """
    apply: Any = _SameBackward.apply
    drop = partial(_drop, rate=rate)
    is_last = values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last)
    if is_last and not values.is_contiguous():
        return apply(values.permute(0, 2, 3, 1), key, drop).permute(0, 3, 1, 2)
    return apply(values.contiguous(), key, drop)


def find_repeats(
    shape: Sequence[int], noise_shape: Sequence[int | None] | None
) -> tuple[int, int, int] | None:
    """Return how a mask of Keras's ``noise_shape`` repeats in values of a shape.

    Returns:
        (outer, repeats, inner): the values' shape with axes joined, so that the mask has the shape
        (outer, inner); None if it repeats along axes that are not next to each other.
    """
    if noise_shape is None:
        return prod(shape), 1, 1
    if len(noise_shape) != len(shape):
        return None
    sizes = [
        size if drawn is None else drawn for size, drawn in zip(shape, noise_shape, strict=True)
    ]
    axes = [axis for axis, size in enumerate(shape) if sizes[axis] != size]
    if not axes:
        return prod(shape), 1, 1
    first, last = axes[0], axes[-1]
    if any(sizes[axis] != 1 for axis in range(first, last + 1)):
        return None
    return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


def repeated_dropout(
    values: torch.Tensor, rate: float, key: torch.Tensor, repeats: tuple[int, int, int]
) -> torch.Tensor:
    """Do as `drop_values` does, with a mask that repeats, as for whole channels.

    Args:
        values: bfloat16 or float32, any shape, on the CPU; see `can_drop`.
        rate: between 2^-10 and 1 - 2^-10.
        key: int64 (1,).
        repeats: see `find_repeats`.

    Returns:
        The same shape and dtype.
    """
    outer, number, inner = repeats
    if number == 1:
        return drop_values(values, rate, key)
    ones = torch.ones((outer, inner), dtype=torch.float32, device="cpu")
    apply: Any = _SameBackward.apply
    return apply(values.contiguous(), _drop(ones, key, rate), partial(_mask, repeats=repeats))


class _SameBackward(torch.autograd.Function):
    """An operation on values whose gradient is the same operation on the output's gradient."""

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, mask: torch.Tensor, operation: Callable[..., torch.Tensor]
    ) -> torch.Tensor:
        ctx.operation = operation
        ctx.save_for_backward(mask)
        return operation(values, mask)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return ctx.operation(gradients[0].contiguous(), mask), None, None


def _drop(values: torch.Tensor, key: torch.Tensor, rate: float) -> torch.Tensor:
    output = torch.empty_like(values)
    is_float32 = values.dtype is torch.float32
    num_threads = torch.get_num_threads()
    call("dropout", values, key, output, values.numel(), rate, is_float32, num_threads)
    return output


def _mask(
    values: torch.Tensor, factors: torch.Tensor, repeats: tuple[int, int, int]
) -> torch.Tensor:
    output = torch.empty_like(values)
    is_float32 = values.dtype is torch.float32
    call("masked_rows", values, factors, output, repeats, is_float32, torch.get_num_threads())
    return output
