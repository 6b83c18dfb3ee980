"""A convolution of few channels with 2x2 max pooling, ReLU or not; see `first_convolution.c`."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call, float32, library, num_shares
from clearsight.engine.kernels.windows import Edges, pooled_size, sizes_of

_MOST_TAPS = 75  # with so many a step takes 0.6 of torch's time; 2 cores of a Zen 4, batch 64
_LANES = 16  # filters that are computed together
FEW_CHANNELS = 16  # so many, or more, are for `pooled_convolution.c`


def takes_first(images: torch.Tensor, kernel: torch.Tensor, edges: Edges) -> bool:
    """Tell whether `first_convolution` can and should work on this; it makes no gradient of it.

    Args:
        images: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: of zeros.
    """
    channels, filters = kernel.shape[2:]
    return (
        library() is not None
        and images.device.type == kernel.device.type == "cpu"
        and not images.requires_grad
        and images.shape[-1] == channels < FEW_CHANNELS
        and kernel[..., 0].numel() <= _MOST_TAPS
        and filters % _LANES == 0
        and len(images) >= torch.get_num_threads()  # which share out whole images
        and min(pooled_size(images.shape, kernel.shape, edges)) > 0
    )


def first_convolution(
    images: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    edges: Edges,
    *,
    rectified: bool,
) -> torch.Tensor:
    """Convolve, pool and perhaps rectify.

    Args:
        images: (N, H, W, C), computed with in float32.
        kernel: float32 (kernel height, kernel width, C, filters).
        bias: float32 (filters,).
        edges: of zeros around an image.
        rectified: whether a ReLU stands before or behind the pooling.

    Returns:
        bfloat16 (N, pooled height, pooled width, filters).
    """
    images = images.float().contiguous()
    pooled: Any = _FirstConvolution.apply(images, kernel, bias, edges, rectified)
    return pooled


class _FirstConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        kernel: torch.Tensor,
        bias: torch.Tensor,
        edges: Edges,
        rectified: bool,
    ) -> torch.Tensor:
        kernel, bias = kernel.contiguous(), bias.contiguous()
        size, filters = pooled_size(images.shape, kernel.shape, edges), kernel.shape[-1]
        pooled = images.new_empty((len(images), *size, filters), dtype=torch.bfloat16)
        keeps_winners = any(ctx.needs_input_grad)
        winners = torch.empty_like(pooled, dtype=torch.uint8) if keeps_winners else None
        sizes, shares = sizes_of(images.shape, kernel.shape, edges), num_shares(images)
        # Images are padded there; the zeros around them stay for the way back.
        padded = float32(shares, call("first_convolution_scratch_size", (), sizes))
        tensors = (images, kernel, bias, pooled, winners, padded)
        call("first_convolution", tensors, sizes, rectified, shares)
        ctx.save_for_backward(images, winners, padded)
        ctx.sizes, ctx.kernel_shape = sizes, kernel.shape
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        images, winners, padded = ctx.saved_tensors
        num_weights, filters = ctx.kernel_shape.numel(), ctx.kernel_shape[-1]
        partial = float32(len(padded), num_weights + filters)
        tensors = (images, gradients[0].contiguous(), winners, padded, partial)
        call("first_convolution_backward", tensors, ctx.sizes, len(padded))
        of_kernel, of_bias = partial.sum(0).split([num_weights, filters])
        return None, of_kernel.view(ctx.kernel_shape), of_bias, None, None
