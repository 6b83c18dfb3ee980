"""Pooling of bfloat16 images by windows; see `window_pooling.c`.

3x3 average pooling of (8, 35, 35, 256) with its gradient took 2.8 ms, and 10.6 ms with torch (two
cores of a Zen 5, medians of 9).
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call, has_kernel

_MIN_CHANNELS = 32  # a vector of 16-bit integers
_MAX_WINDOW = 255  # values: the number of the largest one has 8 bits

Pair = tuple[int, ...]


def can_pool_windows(images: torch.Tensor, size: Pair = (1, 1)) -> bool:
    """Return whether there is a kernel for images (N, C, H, W) and windows of a size.

    Without a size, return whether there is one for the mean of whole images.
    """
    return (
        has_kernel("max_pool_windows")
        and images.device.type == "cpu"
        and images.dtype is torch.bfloat16
        and images.shape[1] >= _MIN_CHANNELS
        and size[0] * size[1] <= _MAX_WINDOW
        and images.numel() > 0
    )


def average_windows(images: torch.Tensor, size: Pair, strides: Pair, padding: Pair) -> torch.Tensor:
    """Average windows of images (N, C, H, W) as `average_pool2d` does, where `can_pool_windows`."""
    return _pool(_Average, images, size, strides, padding)


def max_of_windows(images: torch.Tensor, size: Pair, strides: Pair, padding: Pair) -> torch.Tensor:
    """Return the largest of each window of images (N, C, H, W), where `can_pool_windows`."""
    return _pool(_Max, images, size, strides, padding)


def _pool(
    function: Any, images: torch.Tensor, size: Pair, strides: Pair, padding: Pair
) -> torch.Tensor:
    pooled = tuple(
        (length + 2 * edge - window) // stride + 1
        for length, edge, window, stride in zip(
            images.shape[2:], padding, size, strides, strict=True
        )
    )
    channels, *lengths = images.shape[1:]
    sizes = (*lengths, channels, *pooled, *size, *strides, *padding)
    return function.apply(with_channels_last(images), sizes).permute(0, 3, 1, 2)


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, sizes: tuple[int, ...]) -> torch.Tensor:
        ctx.shape, ctx.sizes = images.shape, sizes
        pooled = images.new_empty((len(images), *sizes[3:5], sizes[2]))
        _call("average_pool_windows", (images, pooled), sizes, len(images))
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        gradient = gradients[0].contiguous()
        images_gradient = gradient.new_empty(ctx.shape)
        tensors = (gradient, images_gradient)
        _call("average_pool_windows_backward", tensors, ctx.sizes, len(gradient))
        return images_gradient, None


class _Max(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, sizes: tuple[int, ...]) -> torch.Tensor:
        ctx.shape, ctx.sizes = images.shape, sizes
        pooled = images.new_empty((len(images), *sizes[3:5], sizes[2]))
        needs_winners = ctx.needs_input_grad[0]
        winners = torch.empty_like(pooled, dtype=torch.uint8) if needs_winners else None
        ctx.save_for_backward(winners)
        _call("max_pool_windows", (images, pooled, winners), sizes, len(images))
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        gradient, (winners,) = gradients[0].contiguous(), ctx.saved_tensors
        images_gradient = gradient.new_empty(ctx.shape)
        tensors = (gradient, winners, images_gradient)
        _call("max_pool_windows_backward", tensors, ctx.sizes, len(gradient))
        return images_gradient, None


def _call(
    name: str, tensors: tuple[torch.Tensor | None, ...], sizes: tuple[int, ...], count: int
) -> None:
    call(name, *tensors, sizes, count, torch.get_num_threads())


def with_channels_last(images: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) as (N, H, W, C), contiguous."""
    return images.permute(0, 2, 3, 1).contiguous()
