"""A depthwise convolution of bfloat16 images, with gradients; see `depthwise.h`."""

from dataclasses import replace
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes, with_equal_edges
from clearsight.engine.kernels.library import call, float32_zeros, has_kernel, scratch_size
from clearsight.engine.runtime.processor import cpu_supports

_LANES = 16  # channels: the widest vector
_MAX_TAPS = 64  # this and the next two are `MAX_TAPS`, `MAX_SLOTS` and `MAX_PHASES` in depthwise.h
_MAX_ROWS = 64
_MAX_STRIDE = 4


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
        if (by_torch := _in_torch(images, kernel, bias, sizes)) is not None:
            return by_torch
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
            images_gradient = _image_gradient(gradient, kernel, sizes)
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


def _image_gradient(
    gradient: torch.Tensor, kernel: torch.Tensor, sizes: ConvolutionSizes
) -> torch.Tensor:
    """Return the gradient of images (N, C, H, W), given that of the output, (N, H, W, C)."""
    if sizes.strides == (1, 1):
        # A convolution again, with the kernel reversed and the edges that make it as large.
        rows, columns = (reach - 1 for reach in sizes.reach)
        (top, bottom), (left, right) = sizes.edges
        edges = ((rows - top, rows - bottom), (columns - left, columns - right))
        shape = (len(gradient), kernel.shape[0], *sizes.output)
        back = replace(sizes, images=shape, edges=edges)
        by_torch = _in_torch(gradient.permute(0, 3, 1, 2), kernel.flip(2, 3), None, back)
        if by_torch is not None:
            return by_torch
    output = gradient.new_empty((len(gradient), *sizes.images[2:], len(kernel)))
    arguments = (gradient, _taps_first(kernel), output, _scratch(sizes))
    name = "depthwise_convolution_image_gradient"
    call(name, *arguments, sizes.as_struct, sizes.num_chunks)
    return output.permute(0, 3, 1, 2)


def _in_torch(
    images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, sizes: ConvolutionSizes
) -> torch.Tensor | None:
    """Convolve by oneDNN, if the processor computes in bfloat16 and oneDNN takes these edges.

    It is faster: 0.30 ms instead of 0.56 ms for 3x3 taps and 32 images of 10x10x576, 0.94 instead
    of 2.26 ms for 80x80x32; at a stride of 2 with unequal edges 1.26 instead of 2.40 ms for 8
    images of 112x112x96 (2 cores of a Zen 5). Its gradients at a stride are slower, though.
    """
    if sizes.are_wrong_in_onednn or not cpu_supports("avx512_bf16"):
        return None
    if (equal := with_equal_edges(kernel, sizes)) is None:
        return None
    kernel, padding = equal
    return torch.conv2d(
        images, kernel, bias, sizes.strides, padding, sizes.dilation, images.shape[1]
    )
