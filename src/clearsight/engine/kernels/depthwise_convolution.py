"""A depthwise convolution of bfloat16 images, with gradients; see `depthwise.h`."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.convolution import Edges
from clearsight.engine.kernels.library import call, float32_zeros, has_kernel, scratch_size

_LANES = 16  # channels: the widest vector
_MOST_TAPS = 64  # this and the next two are `MOST_TAPS`, `MOST_SLOTS` and `MOST_PHASES` in C
_MOST_ROWS = 64
_LARGEST_STRIDE = 4
_FEW_TAPS = 9


@dataclass(frozen=True)
class DepthwiseSizes:
    """What a depthwise convolution works on.

    Attributes:
        images: (N, C, H, W).
        kernel: (kernel height, kernel width).
        strides: rows and columns from one window to the next.
        dilation: rows and columns from one tap to the next.
        edges: of zeros around an image.
    """

    images: tuple[int, int, int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    edges: Edges

    @cached_property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        height, width = (
            (size + sum(around) - (taps - 1) * spread - 1) // stride + 1
            for size, around, taps, spread, stride in zip(
                self.images[2:], self.edges, self.kernel, self.dilation, self.strides, strict=True
            )
        )
        return height, width

    @cached_property
    def num_bands(self) -> int:
        """Number of bands of rows that each image is divided into, each done by one thread.

        Two are better than one: 1.5 ms instead of 2.0 ms for the gradient of the kernel of 3x3 of
        16 images of 56x56x144 at stride 2 (2 cores of a Zen 4). More are for few images.
        """
        height = self.output[0]
        by_threads = -(-torch.get_num_threads() // self.images[0])
        return min(height, max(by_threads, 2 if height >= 14 else 1))

    @property
    def num_chunks(self) -> int:
        """Number of chunks that all bands are divided into: at most one per thread."""
        return max(1, min(torch.get_num_threads(), self.images[0] * self.num_bands))

    @cached_property
    def as_struct(self) -> tuple[int, ...]:
        """The C program's ``struct shape``."""
        count, channels, height, width = self.images
        (top, _), (left, _) = self.edges
        pairs = (self.output, self.kernel, self.strides, self.dilation, (top, left))
        return (count, height, width, channels, *sum(pairs, ()), self.num_bands)

    @property
    def is_faster_in_torch(self) -> bool:
        """Whether oneDNN's convolution, though not its gradients, is faster than this one.

        It is with many taps at stride 1, such as 5x5 for 64 images of 16x16x256: 1.6 ms, here 4.3
        (2 cores of a Zen 4). It knows no edges that differ, for which images must be copied.
        """
        is_symmetric = all(before == after for before, after in self.edges)
        num_taps = self.kernel[0] * self.kernel[1]
        return is_symmetric and self.strides == (1, 1) and num_taps > _FEW_TAPS


def can_convolve_depthwise(
    images: torch.Tensor, kernel: torch.Tensor, sizes: DepthwiseSizes
) -> bool:
    """Return whether there is a kernel for these images and this kernel, both bfloat16."""
    return (
        images.dtype is kernel.dtype is torch.bfloat16
        and images.device.type == kernel.device.type == "cpu"
        and len(kernel) == images.shape[1] >= _LANES  # each channel has one filter
        and len(images) > 0
        and min(sizes.output) > 0
        and sizes.kernel[0] * sizes.kernel[1] <= _MOST_TAPS
        and (sizes.kernel[0] - 1) * sizes.dilation[0] < _MOST_ROWS
        and max(sizes.strides) <= _LARGEST_STRIDE
        and has_kernel("depthwise_convolution")
    )


def convolve_depthwise(
    images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, sizes: DepthwiseSizes
) -> torch.Tensor:
    """Convolve each channel with a filter of its own.

    Args:
        images: bfloat16 (N, C, H, W), in channels-last memory.
        kernel: bfloat16 (C, 1, kernel height, kernel width).
        bias: bfloat16 (C,), or None.
        sizes: of these.

    Returns:
        bfloat16 (N, C, output height, output width), in channels-last memory.
    """
    output: Any = _Depthwise.apply(images, kernel, bias, sizes)
    return output


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        kernel: torch.Tensor,
        bias: torch.Tensor | None,
        sizes: DepthwiseSizes,
    ) -> torch.Tensor:
        ctx.sizes, ctx.bias_dtype = sizes, None if bias is None else bias.dtype
        ctx.save_for_backward(images, kernel)
        if sizes.is_faster_in_torch:
            (top, _), (left, _) = sizes.edges
            return torch.conv2d(
                images, kernel, bias, 1, (top, left), sizes.dilation, images.shape[1]
            )
        output = images.new_empty((len(images), *sizes.output, images.shape[1]))
        added = None if bias is None else bias.float().contiguous()
        arguments = (_last(images), _taps_first(kernel), added, output, _scratch(sizes))
        limits = (-torch.inf, torch.inf)
        call("depthwise_convolution", *arguments, sizes.as_struct, *limits, sizes.num_chunks)
        return output.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        images, kernel = ctx.saved_tensors
        sizes: DepthwiseSizes = ctx.sizes
        gradient, last = _last(gradients[0]), _last(images)
        of_images = of_kernel = of_bias = None
        if ctx.needs_input_grad[0]:
            output = torch.empty_like(last)
            arguments = (gradient, _taps_first(kernel), output, _scratch(sizes))
            name = "depthwise_convolution_image_gradient"
            call(name, *arguments, sizes.as_struct, sizes.num_chunks)
            of_images = output.permute(0, 3, 1, 2)
        if any(ctx.needs_input_grad[1:3]):
            num_taps = sizes.kernel[0] * sizes.kernel[1]
            partial = float32_zeros(sizes.num_chunks, num_taps + 1, len(kernel))
            arguments = (last, gradient, partial, _scratch(sizes))
            name = "depthwise_convolution_kernel_gradient"
            call(name, *arguments, sizes.as_struct, sizes.num_chunks)
            total = partial.sum(0)
            of_kernel = total[:-1].t().reshape(kernel.shape).to(kernel.dtype)
            of_bias = None if ctx.bias_dtype is None else total[-1].to(ctx.bias_dtype)
        return of_images, of_kernel, of_bias, None


def _last(images: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) as (N, H, W, C), contiguous."""
    return images.permute(0, 2, 3, 1).contiguous()


def _taps_first(kernel: torch.Tensor) -> torch.Tensor:
    """Return a kernel (C, 1, kernel height, kernel width) as float32 (taps, C), contiguous."""
    return kernel.flatten(1).t().float().contiguous()


def _scratch(sizes: DepthwiseSizes) -> torch.Tensor:
    size = scratch_size("depthwise_convolution", sizes.as_struct)
    return torch.empty((sizes.num_chunks, size), dtype=torch.float32, device="cpu")
