"""A depthwise convolution of bfloat16 images, with gradients; see `depthwise.h`."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes
from clearsight.engine.kernels.library import call, float32_zeros, has_kernel, scratch_size

_LANES = 16  # channels: the widest vector
_MAX_TAPS = 64  # this and the next two are `MAX_TAPS`, `MAX_SLOTS` and `MAX_PHASES` in depthwise.h
_MAX_ROWS = 64
_MAX_STRIDE = 4
_FEW_TAPS = 9


def can_convolve_depthwise(
    images: torch.Tensor, kernel: torch.Tensor, sizes: ConvolutionSizes
) -> bool:
    """Return whether there is a kernel for these; shapes as in `convolve_depthwise`."""
    return (
        images.dtype is kernel.dtype is torch.bfloat16
        and images.device.type == kernel.device.type == "cpu"
        and len(kernel) == images.shape[1] >= _LANES  # each channel has one filter
        and len(images) > 0
        and min(sizes.output) > 0
        and sizes.kernel[0] * sizes.kernel[1] <= _MAX_TAPS
        and (sizes.kernel[0] - 1) * sizes.dilation[0] < _MAX_ROWS
        and max(sizes.strides) <= _MAX_STRIDE
        and has_kernel("depthwise_convolution")
    )


def convolve_depthwise(
    images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, sizes: ConvolutionSizes
) -> torch.Tensor:
    """Convolve each channel with a filter of its own.

    Args:
        images: bfloat16 (N, C, H, W), in channels-last memory.
        kernel: bfloat16 (C, 1, kernel height, kernel width).
        bias: bfloat16 (C,), or None.
        sizes: those of images and kernel, with strides, dilation and padding.

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
        sizes: ConvolutionSizes,
    ) -> torch.Tensor:
        ctx.sizes, ctx.bias_dtype = sizes, None if bias is None else bias.dtype
        ctx.save_for_backward(images, kernel)
        if _is_faster_in_torch(sizes):
            (top, _), (left, _) = sizes.edges
            return torch.conv2d(
                images, kernel, bias, 1, (top, left), sizes.dilation, images.shape[1]
            )
        output = images.new_empty((len(images), *sizes.output, images.shape[1]))
        added = None if bias is None else bias.float().contiguous()
        arguments = (_last(images), _taps_first(kernel), added, output, _scratch(sizes))
        call("depthwise_convolution", *arguments, sizes.as_struct, sizes.num_chunks)
        return output.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        images, kernel = ctx.saved_tensors
        sizes: ConvolutionSizes = ctx.sizes
        gradient, last = _last(gradients[0]), _last(images)
        images_gradient = kernel_gradient = bias_gradient = None
        if ctx.needs_input_grad[0]:
            output = torch.empty_like(last)
            arguments = (gradient, _taps_first(kernel), output, _scratch(sizes))
            name = "depthwise_convolution_image_gradient"
            call(name, *arguments, sizes.as_struct, sizes.num_chunks)
            images_gradient = output.permute(0, 3, 1, 2)
        if any(ctx.needs_input_grad[1:3]):
            num_taps = sizes.kernel[0] * sizes.kernel[1]
            partial = float32_zeros(sizes.num_chunks, num_taps + 1, len(kernel))
            arguments = (last, gradient, partial, _scratch(sizes))
            name = "depthwise_convolution_kernel_gradient"
            call(name, *arguments, sizes.as_struct, sizes.num_chunks)
            total = partial.sum(0)
            kernel_gradient = total[:-1].t().reshape(kernel.shape).to(kernel.dtype)
            bias_gradient = None if ctx.bias_dtype is None else total[-1].to(ctx.bias_dtype)
        return images_gradient, kernel_gradient, bias_gradient, None


def _last(images: torch.Tensor) -> torch.Tensor:
    """Return images (N, C, H, W) as (N, H, W, C), contiguous."""
    return images.permute(0, 2, 3, 1).contiguous()


def _taps_first(kernel: torch.Tensor) -> torch.Tensor:
    """Return a kernel (C, 1, kernel height, kernel width) as float32 (taps, C), contiguous."""
    return kernel.flatten(1).t().float().contiguous()


def _scratch(sizes: ConvolutionSizes) -> torch.Tensor:
    size = scratch_size("depthwise_convolution", sizes.as_struct)
    return torch.empty((sizes.num_chunks, size), dtype=torch.float32, device="cpu")


def _is_faster_in_torch(sizes: ConvolutionSizes) -> bool:
    """Return whether oneDNN's convolution, though not its gradients, is faster than this one.

    It is with many taps at stride 1: 1.6 ms instead of 4.3 ms for 5x5 taps and 64 images of
    16x16x256 (2 cores of a Zen 4). It does not support padding that differs between two sides, for
    which images would have to be copied.
    """
    is_symmetric = all(before == after for before, after in sizes.edges)
    num_taps = sizes.kernel[0] * sizes.kernel[1]
    return is_symmetric and sizes.strides == (1, 1) and num_taps > _FEW_TAPS
