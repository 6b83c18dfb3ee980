"""A convolution with 2x2 max pooling, and ReLU or not; see `pooled_convolution.c`."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call, float32, library, num_shares
from clearsight.engine.kernels.max_pooling import pooled_with_winners
from clearsight.engine.kernels.windows import Edges, pooled_size, sizes_of

_LANES = 16  # channels, or filters, that are computed together
_LARGEST_IMAGE = 2**18  # values: as float32 one should fit a core's second cache
_MOST_WEIGHTS = 2**22  # whose gradients all threads together hold


def takes_pooled(images: torch.Tensor, kernel: torch.Tensor, edges: Edges) -> bool:
    """Tell whether `pooled_convolution` can work on this, and should.

    With AMX torch's dense products are the faster way: an epoch of the reference job took 0.95 to
    0.97 s with them and 1.04 to 1.06 s with these kernels (medians of 6, twice, two cores of a
    Xeon of model 167).

    Args:
        images: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: of zeros.
    """
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", bool)()
    return not has_amx and can_pool(images, kernel, edges)


def can_pool(images: torch.Tensor, kernel: torch.Tensor, edges: Edges) -> bool:
    """Tell whether `pooled_convolution` can work on this.

    Args:
        images: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: of zeros; the same on both sides.
    """
    channels, filters = kernel.shape[2:]
    return (
        library() is not None
        and images.device.type == kernel.device.type == "cpu"
        and channels % _LANES == filters % _LANES == 0
        and all(before == after for before, after in edges)
        and images.shape[1:].numel() <= _LARGEST_IMAGE
        and len(images) >= torch.get_num_threads()  # which share out whole images
        and kernel.numel() * torch.get_num_threads() <= _MOST_WEIGHTS
        and min(pooled_size(images.shape, kernel.shape, edges)) > 0
    )


def pooled_convolution(
    images: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    edges: Edges,
    *,
    rectified: bool,
) -> torch.Tensor:
    """Convolve in bfloat16, pool and perhaps rectify.

    Args:
        images: (N, H, W, C), computed with in bfloat16.
        kernel: float32 (kernel height, kernel width, C, filters).
        bias: float32 (filters,).
        edges: of zeros around an image.
        rectified: whether a ReLU stands before or behind the pooling.

    Returns:
        bfloat16 (N, pooled height, pooled width, filters).
    """
    images = images.bfloat16().contiguous()
    pooled: Any = _PooledConvolution.apply(images, kernel, bias, edges, rectified)
    return pooled


class _PooledConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        kernel: torch.Tensor,
        bias: torch.Tensor,
        edges: Edges,
        rectified: bool,
    ) -> torch.Tensor:
        convolved = torch.conv2d(
            images.permute(0, 3, 1, 2),
            kernel.permute(3, 2, 0, 1).bfloat16(),
            bias.bfloat16(),
            padding=(edges[0][0], edges[1][0]),
        )
        last = convolved.bfloat16().permute(0, 2, 3, 1).contiguous()
        pooled, winners = pooled_with_winners(
            last, rectified=rectified, keeps_winners=any(ctx.needs_input_grad)
        )
        ctx.save_for_backward(images, kernel, winners)
        ctx.edges = edges
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        images, kernel, winners = ctx.saved_tensors
        height, width, channels, filters = kernel.shape
        sizes = sizes_of(images.shape, kernel.shape, ctx.edges)
        output = torch.empty_like(images) if ctx.needs_input_grad[0] else None
        filters_first = kernel.permute(3, 0, 1, 2).contiguous()
        shares = num_shares(images)
        partial = float32(shares, filters_first.numel() + filters)
        scratch = float32(shares, call("pooled_convolution_scratch_size", (), sizes))
        gradient = gradients[0].contiguous()
        tensors = (images, filters_first, gradient, winners, output, partial, scratch)
        call("pooled_convolution_backward", tensors, sizes, shares)
        of_kernel, of_bias = partial.sum(0).split([filters_first.numel(), filters])
        of_kernel = of_kernel.view(filters, height, width, channels).permute(1, 2, 3, 0)
        return output, of_kernel.contiguous(), of_bias, None, None
