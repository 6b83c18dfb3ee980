"""A strided convolution of few channels whose images need no gradient; see `few_channels.c`."""

from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes
from clearsight.engine.kernels.library import call, float32_zeros, has_kernel, scratch_size

_MAX_CHANNELS = 4
_LANES = 16  # filters: the widest vector


def can_convolve_few_channels(
    images: torch.Tensor, kernel: torch.Tensor, sizes: ConvolutionSizes
) -> bool:
    """Return whether a kernel computes the gradient of this convolution faster than oneDNN.

    In bfloat16, oneDNN's gradient takes a tenth of a training step of MobileNetV2. Shapes are as in
    `convolve_few_channels`.
    """
    return (
        images.dtype is kernel.dtype is torch.bfloat16
        and images.device.type == kernel.device.type == "cpu"
        and not images.requires_grad
        and kernel.requires_grad
        and images.shape[1] == kernel.shape[1] <= _MAX_CHANNELS
        and kernel.shape[0] % _LANES == 0
        and max(sizes.strides) > 1
        and len(images) > 0
        and min(sizes.output) > 0
        and has_kernel("few_channels_kernel_gradient")
    )


def convolve_few_channels(
    images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, sizes: ConvolutionSizes
) -> torch.Tensor:
    """Convolve with torch, but compute the gradients with a kernel.

    Args:
        images: bfloat16 (N, C, H, W), in channels-last memory.
        kernel: bfloat16 (filters, C, kernel height, kernel width).
        bias: bfloat16 (filters,), or None.
        sizes: those of images and kernel, with strides, dilation and padding.

    Returns:
        bfloat16 (N, filters, output height, output width).
    """
    output: Any = _FewChannels.apply(images, kernel, bias, sizes)
    return output


class _FewChannels(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        kernel: torch.Tensor,
        bias: torch.Tensor | None,
        sizes: ConvolutionSizes,
    ) -> torch.Tensor:
        ctx.sizes, ctx.kernel_shape, ctx.has_bias = sizes, kernel.shape, bias is not None
        ctx.save_for_backward(images)
        (top, bottom), (left, right) = sizes.edges
        padded = functional.pad(images, (left, right, top, bottom))
        return torch.conv2d(padded, kernel, bias, sizes.strides, 0, sizes.dilation)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        images, gradient = (
            values.permute(0, 2, 3, 1).contiguous() for values in (*ctx.saved_tensors, gradients[0])
        )
        sizes: ConvolutionSizes = ctx.sizes
        filters, channels, height, width = ctx.kernel_shape
        numbers, chunks = (*sizes.as_struct, filters), sizes.num_chunks
        size = scratch_size("few_channels_kernel_gradient", numbers)
        scratch = torch.empty((chunks, size), dtype=torch.float32, device="cpu")
        partial = float32_zeros(chunks, height * width * channels + 1, filters)
        call("few_channels_kernel_gradient", images, gradient, partial, scratch, numbers, chunks)
        total = partial.sum(0).to(gradient.dtype)
        kernel_gradient = total[:-1].view(height, width, channels, filters).permute(3, 2, 0, 1)
        return None, kernel_gradient, total[-1] if ctx.has_bias else None, None
