"""ReLU and 2x2 max pooling in one, for bfloat16 pictures on a CPU, on their bits as whole numbers.

Of two bfloat16 numbers that are not both negative the larger one has the larger bits, read as a
signed 16-bit number, and a negative result is what ReLU makes zero. Whole numbers need no
conversion to float32 and back, and the gradient is written once to every place, with no zeros
filled in before: half the time of torch's own operations, which took a sixth of a step of the
reference network.

Where equal values compete for a gradient, another of them may get it than in torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

_BITS = torch.int16


def relu_max_pool_2x2(pictures: torch.Tensor) -> torch.Tensor:
    """Return ``max_pool2d(relu(pictures), 2)``.

    Args:
        pictures: (N, C, H, W) of any type, in channels-last memory.

    Returns:
        (N, C, H // 2, W // 2), in channels-last memory.
    """
    height, width = pictures.shape[2:]
    is_special = (
        pictures.dtype is torch.bfloat16
        and pictures.device.type == "cpu"
        and height % 2 == width % 2 == 0
        and pictures.is_contiguous(memory_format=torch.channels_last)
    )
    if not is_special:
        return functional.relu(functional.max_pool2d(pictures, 2))
    last = pictures.permute(0, 2, 3, 1)
    pooled: Any = _OnBits.apply(last) if torch.is_grad_enabled() else _pooled(last)
    return pooled.permute(0, 3, 1, 2)


def _row_pairs(bits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """View (N, H, W, C) as its even and its odd rows, each (N, H / 2, W C)."""
    count, height, width, channels = bits.shape
    pairs = bits.view(count, height // 2, 2, width * channels)
    return pairs[:, :, 0], pairs[:, :, 1]


def _column_pairs(bits: torch.Tensor, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """View rows (N, H, W C) as their even and their odd columns, each (N, H, W / 2, C)."""
    count, height, _ = bits.shape
    pairs = bits.view(count, height, -1, 2, channels)
    return pairs[..., 0, :], pairs[..., 1, :]


def _pooled(last: torch.Tensor) -> torch.Tensor:
    larger = torch.maximum(*_row_pairs(last.view(_BITS)))
    largest = torch.maximum(*_column_pairs(larger, last.shape[3])).clamp_min_(0)
    return largest.view(torch.bfloat16)


class _OnBits(torch.autograd.Function):
    """The operation with its gradient; pictures are (N, H, W, C) here."""

    @staticmethod
    def forward(ctx: Any, last: torch.Tensor) -> torch.Tensor:
        # What the gradient needs to know, which of two was larger, is found while both are at hand.
        upper, lower = _row_pairs(last.view(_BITS))
        larger = torch.maximum(upper, lower)
        left, right = _column_pairs(larger, last.shape[3])
        largest = torch.maximum(left, right).clamp_min_(0)
        ctx.save_for_backward(_less(upper, lower), _less(left, right), largest)
        return largest.view(torch.bfloat16)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        lower_is_larger, right_is_larger, largest = ctx.saved_tensors
        count, height, width, channels = largest.shape
        gradient = gradients[0].contiguous().view(_BITS)
        kept = torch.gt(largest, 0, out=torch.empty_like(gradient)).mul_(gradient)
        rows = torch.empty((count, height, 2 * width * channels), dtype=_BITS)
        _share_out(kept, right_is_larger, *_column_pairs(rows, channels))
        output = torch.empty((count, 2 * height, 2 * width, channels), dtype=_BITS)
        _share_out(rows, lower_is_larger, *_row_pairs(output))
        return output.view(torch.bfloat16)


def _less(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return 1 where first < second, else 0, as bits, so that multiplying keeps or drops others."""
    return torch.lt(first, second, out=torch.empty(first.shape, dtype=_BITS))


def _share_out(
    gradient: torch.Tensor, takes_second: torch.Tensor, first: torch.Tensor, second: torch.Tensor
) -> None:
    """Write the gradient to the second of two where it was larger, else to the first."""
    torch.mul(gradient, takes_second, out=second)
    torch.sub(gradient, second, out=first)
