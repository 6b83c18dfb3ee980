"""Dropout whose mask is drawn on all threads, forward and backward alike; see `dropout.c`."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call, has_kernel

# The kernel's rates are right to 2^-17; beyond these that would be more than 1% of the rate.
_LOWEST_RATE, _HIGHEST_RATE = 2**-10, 1 - 2**-10


def can_drop(values: torch.Tensor, rate: float) -> bool:
    """Return whether `dropout` takes these values and this rate, and its kernel is there."""
    return (
        values.dtype in (torch.bfloat16, torch.float32)
        and values.device.type == "cpu"
        and _LOWEST_RATE <= rate <= _HIGHEST_RATE
        and has_kernel("dropout")
    )


def draw_key() -> torch.Tensor:
    """Draw a key of a mask from torch's generator: int64 (1,), of which all bits are random."""
    return torch.empty((1,), dtype=torch.int64, device="cpu").random_(-(2**63), None)


def dropout(values: torch.Tensor, rate: float, key: torch.Tensor) -> torch.Tensor:
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
    is_last = values.ndim == 4 and values.is_contiguous(memory_format=torch.channels_last)
    if is_last and not values.is_contiguous():
        dropped: Any = _Dropout.apply(values.permute(0, 2, 3, 1), rate, key)
        return dropped.permute(0, 3, 1, 2)
    dropped = _Dropout.apply(values.contiguous(), rate, key)
    return dropped


class _Dropout(torch.autograd.Function):
    """The operation with its gradient, which is the same operation on the output's gradient."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, rate: float, key: torch.Tensor) -> torch.Tensor:
        ctx.rate = rate
        ctx.save_for_backward(key)
        return _drop(values, rate, key)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None, None]:
        (key,) = ctx.saved_tensors
        return _drop(gradients[0].contiguous(), ctx.rate, key), None, None


def _drop(values: torch.Tensor, rate: float, key: torch.Tensor) -> torch.Tensor:
    output = torch.empty_like(values)
    is_float32 = values.dtype is torch.float32
    num_threads = torch.get_num_threads()
    call("dropout", values, key, output, values.numel(), rate, is_float32, num_threads)
    return output
