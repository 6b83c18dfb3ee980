"""2x2 max pooling of bfloat16 images, with ReLU in one or without; see `max_pooling.c`."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from clearsight.engine.kernels.library import call, library


def max_pool_2x2(images: torch.Tensor, *, rectified: bool) -> torch.Tensor:
    """Return ``max_pool2d(images, 2)``, or where `rectified` its ReLU.

    Where equal values compete for a gradient, another of them may get it than in torch.

    Args:
        images: (N, C, H, W) of any type.
        rectified: whether negative values become 0.

    Returns:
        (N, C, H // 2, W // 2), in channels-last memory.
    """
    images = images.contiguous(memory_format=torch.channels_last)
    is_special = (
        images.dtype is torch.bfloat16
        and images.device.type == "cpu"
        and min(images.shape[2:]) > 1
        and library() is not None
    )
    if not is_special:
        pooled = functional.max_pool2d(images, 2)
        return functional.relu(pooled) if rectified else pooled
    last = images.permute(0, 2, 3, 1)
    pooled_last: Any = _MaxPool2x2.apply(last, rectified)
    return pooled_last.permute(0, 3, 1, 2)


def pooled_with_winners(
    last: torch.Tensor, *, rectified: bool, keeps_winners: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Pool; also return which of the four has won, if that will be asked.

    Args:
        last: bfloat16 (N, H, W, C), contiguous.
        rectified: whether negative values become 0.
        keeps_winners: whether a gradient will be taken.

    Returns:
        bfloat16 (N, H // 2, W // 2, C), and likewise uint8: 0 or 1 above, 2 or 3 below, 4 for a
        value that the ReLU cut off; or None.
    """
    count, height, width, channels = last.shape
    pooled = last.new_empty((count, height // 2, width // 2, channels))
    winners = torch.empty_like(pooled, dtype=torch.uint8) if keeps_winners else None
    call("max_pool", (last, pooled, winners), *last.shape, rectified, torch.get_num_threads())
    return pooled, winners


class _MaxPool2x2(torch.autograd.Function):
    """The operation with its gradient; images are (N, H, W, C) here."""

    @staticmethod
    def forward(ctx: Any, last: torch.Tensor, rectified: bool) -> torch.Tensor:
        ctx.shape = last.shape
        pooled, winners = pooled_with_winners(
            last, rectified=rectified, keeps_winners=ctx.needs_input_grad[0]
        )
        ctx.save_for_backward(winners)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        (winners,) = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        output = gradient.new_empty(ctx.shape)
        call("max_pool_backward", (gradient, winners, output), *ctx.shape, torch.get_num_threads())
        return output, None
