"""A network's first convolution with 2x2 max pooling, ReLU or not; see `first_convolution.c`."""

from __future__ import annotations

from typing import Any

import torch

from clearsight.engine.native.library import addresses, kernels, library
from clearsight.engine.native.windows import Edges, pooled_size, sizes_of

_MOST_TAPS = 75  # with so many a step takes 0.6 of torch's time; 2 cores of a Zen 4, batch 64
_LANES = 16  # filters that are computed together


def takes_first(pictures: torch.Tensor, kernel: torch.Tensor, edges: Edges) -> bool:
    """Tell whether `first_convolution` can and should work on this; it makes no gradient of it.

    Args:
        pictures: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: of zeros.
    """
    return (
        library() is not None
        and pictures.device.type == "cpu"
        and not pictures.requires_grad
        and kernel[..., 0].numel() <= _MOST_TAPS
        and kernel.shape[-1] % _LANES == 0
        and min(pooled_size(pictures.shape, kernel.shape, edges)) > 0
    )


def first_convolution(
    pictures: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    edges: Edges,
    *,
    rectified: bool,
) -> torch.Tensor:
    """Convolve, pool and perhaps rectify.

    Args:
        pictures: (N, H, W, C), computed with in float32.
        kernel: float32 (kernel height, kernel width, C, filters).
        bias: float32 (filters,).
        edges: of zeros around a picture.
        rectified: whether a ReLU stands before or behind the pooling.

    Returns:
        bfloat16 (N, pooled height, pooled width, filters).
    """
    pictures = pictures.float().contiguous()
    pooled: Any = _FirstConvolution.apply(pictures, kernel, bias, edges, rectified)
    return pooled


class _FirstConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pictures: torch.Tensor,
        kernel: torch.Tensor,
        bias: torch.Tensor,
        edges: Edges,
        rectified: bool,
    ) -> torch.Tensor:
        kernel, num_threads = kernel.contiguous(), torch.get_num_threads()
        shape = (
            len(pictures), *pooled_size(pictures.shape, kernel.shape, edges), kernel.shape[-1]
        )  # fmt: skip
        pooled = torch.empty(shape, dtype=torch.bfloat16)
        winners = torch.empty(shape, dtype=torch.uint8) if any(ctx.needs_input_grad) else None
        sizes = sizes_of(pictures.shape, kernel.shape, edges)
        # Pictures are padded there; the zeros around them stay for the way back.
        padded = torch.zeros(num_threads * kernels().first_convolution_scratch_size(sizes))
        kernels().first_convolution(
            *addresses(pictures, kernel, bias, pooled, winners, padded),
            sizes,
            rectified,
            num_threads,
        )
        ctx.save_for_backward(pictures, winners, padded)
        ctx.sizes, ctx.num_threads, ctx.kernel_shape = sizes, num_threads, kernel.shape
        return pooled

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        pictures, winners, padded = ctx.saved_tensors
        num_weights, filters = ctx.kernel_shape.numel(), ctx.kernel_shape[-1]
        partial = torch.zeros(ctx.num_threads, num_weights + filters)
        kernels().first_convolution_backward(
            *addresses(pictures, gradients[0].contiguous(), winners, padded, partial),
            ctx.sizes,
            ctx.num_threads,
        )
        of_kernel, of_bias = partial.sum(0).split([num_weights, filters])
        return None, of_kernel.view(ctx.kernel_shape), of_bias, None, None
