"""A convolution of stride 1 with 2x2 max pooling, and perhaps ReLU, in one operation.

There are two methods: `FIRST` for images of few channels, and `POOLED` for the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import has_kernel

Edges = tuple[tuple[int, int], tuple[int, int]]
"""Numbers of rows added above and below an image, and of columns left and right of it."""

NO_EDGES: Edges = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Sizes:
    """The sizes of a convolution with 2x2 max pooling.

    Attributes:
        images: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: rows and columns of zeros around an image.
    """

    images: torch.Size
    kernel: torch.Size
    edges: Edges

    @cached_property
    def pooled(self) -> torch.Size:
        """Shape of the output: (N, pooled height, pooled width, filters)."""
        height, width = (
            (self.images[1 + axis] + sum(self.edges[axis]) - self.kernel[axis] + 1) // 2
            for axis in (0, 1)
        )
        return torch.Size((self.images[0], height, width, self.kernel[3]))

    @cached_property
    def as_struct(self) -> tuple[int, ...]:
        """The numbers of the C program's ``struct shape``."""
        (top, _), (left, _) = self.edges
        *kernel, _, filters = self.kernel
        return (*self.images, *kernel, filters, top, left, *self.pooled[1:3])

    @property
    def num_chunks(self) -> int:
        """Number of chunks that the images are divided into: at most one per thread."""
        return max(1, min(torch.get_num_threads(), self.images[0]))


Saved = tuple[torch.Tensor | None, ...]
Gradients = tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class ConvolutionMethod:
    """One way to compute a convolution with max pooling.

    Attributes:
        should_compute: from images and sizes to whether this method can compute their convolution
            faster than torch, provided that `is_supported`.
        dtype: what the images are cast to.
        forward: from images, kernel, bias, sizes, whether there is a ReLU, and whether gradients
            will be asked for, to the output and the tensors that `backward` needs.
        backward: from the output's gradient, those tensors, sizes, and whether the images need a
            gradient, to the gradients of images (or None), kernel and bias.
    """

    should_compute: Callable[[torch.Tensor, Sizes], bool]
    dtype: torch.dtype
    forward: Callable[..., tuple[torch.Tensor, Saved]]
    backward: Callable[..., Gradients]


def is_supported(images: torch.Tensor, kernel: torch.Tensor, sizes: Sizes) -> bool:
    """Return whether there are kernels for this convolution; shapes as in `convolve_and_pool`."""
    return (
        has_kernel("first_convolution")
        and has_kernel("pooled_convolution_backward")
        and images.device.type == kernel.device.type == "cpu"
        and len(images) >= torch.get_num_threads()  # which get whole images
        and min(sizes.pooled[1:3]) > 0
    )


def convolve_and_pool(
    method: ConvolutionMethod,
    images: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor,
    sizes: Sizes,
    *,
    rectified: bool,
) -> torch.Tensor:
    """Convolve, pool and perhaps rectify.

    Args:
        method: how to compute it.
        images: (N, H, W, C).
        kernel: float32 (kernel height, kernel width, C, filters).
        bias: float32 (filters,).
        sizes: those of images and kernel, with the padding.
        rectified: whether there is a ReLU before or after the pooling, which is the same.

    Returns:
        bfloat16 (N, pooled height, pooled width, filters).
    """
    images = images.to(method.dtype).contiguous()
    pooled: Any = _ConvolveAndPool.apply(images, kernel, bias, sizes, rectified, method)
    return pooled


class _ConvolveAndPool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        kernel: torch.Tensor,
        bias: torch.Tensor,
        sizes: Sizes,
        *options: Any,
    ) -> torch.Tensor:
        ctx.sizes, (rectified, ctx.method) = sizes, options
        needs_gradients = any(ctx.needs_input_grad)
        pooled, saved = ctx.method.forward(images, kernel, bias, sizes, rectified, needs_gradients)
        ctx.save_for_backward(*saved)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        found = ctx.method.backward(
            gradients[0].contiguous(), ctx.saved_tensors, ctx.sizes, ctx.needs_input_grad[0]
        )
        return *found, None, None, None
