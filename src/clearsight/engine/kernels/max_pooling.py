"""2x2 max pooling of bfloat16 images, with ReLU or without; see `max_pooling.c`."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from clearsight.engine.kernels.library import call, has_kernel


def max_pool_2x2(images: torch.Tensor, *, rectified: bool) -> torch.Tensor:
    """Return ``max_pool2d(images, 2)``, or its ReLU if `rectified`.

    Where equal values compete for a gradient, another of them may get it than in torch.

    Args:
        images: (N, C, H, W) of any type.
        rectified: whether negative values become 0.

    Returns:
        (N, C, H // 2, W // 2), in channels-last memory.
    """
    images = images.contiguous(memory_format=torch.channels_last)
    is_possible = (
        images.dtype is torch.bfloat16
        and images.device.type == "cpu"
        and min(images.shape[2:]) > 1
        and has_kernel("max_pool")
    )
    if not is_possible:
        pooled = functional.max_pool2d(images, 2)
        return functional.relu(pooled) if rectified else pooled
    pooled_last: Any = _MaxPool2x2.apply(images.permute(0, 2, 3, 1), rectified)
    return pooled_last.permute(0, 3, 1, 2)


def pool_with_winners(
    last: torch.Tensor, *, rectified: bool, needs_gradients: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Pool; also return which value of each window is the largest, if gradients need it.

    Args:
        last: bfloat16 (N, H, W, C), contiguous.
        rectified: whether negative values become 0.
        needs_gradients: whether gradients will be asked for.

    Returns:
        bfloat16 (N, H // 2, W // 2, C), and likewise uint8: 0 or 1 above, 2 or 3 below, 4 for a
        value that the ReLU cut off; or None.
    """
    count, height, width, channels = last.shape
    pooled = last.new_empty((count, height // 2, width // 2, channels))
    winners = torch.empty_like(pooled, dtype=torch.uint8) if needs_gradients else None
    call("max_pool", last, pooled, winners, *last.shape, rectified, torch.get_num_threads())
    return pooled, winners


class _MaxPool2x2(torch.autograd.Function):
    """The operation with its gradient; images are (N, H, W, C) here."""

    @staticmethod
    def forward(ctx: Any, last: torch.Tensor, rectified: bool) -> torch.Tensor:
        ctx.shape = last.shape
        pooled, winners = pool_with_winners(
            last, rectified=rectified, needs_gradients=ctx.needs_input_grad[0]
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
        call("max_pool_backward", gradient, winners, output, *ctx.shape, torch.get_num_threads())
        return output, None
