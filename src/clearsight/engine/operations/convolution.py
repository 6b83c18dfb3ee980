"""Convolution, with a normalization folded in or with max pooling as part of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.convolution import Edges, Sizes, convolve_and_pool, is_supported
from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes
from clearsight.engine.kernels.depthwise_convolution import (
    can_convolve_depthwise,
    convolve_depthwise,
)
from clearsight.engine.kernels.few_channels import (
    can_convolve_few_channels,
    convolve_few_channels,
)
from clearsight.engine.kernels.first_convolution import FIRST
from clearsight.engine.kernels.max_pooling import max_pool_2x2
from clearsight.engine.kernels.pooled_convolution import POOLED
from clearsight.engine.operations.normalization import MovingNormalization
from clearsight.engine.operations.operation import (
    Axes,
    Operation,
    Weights,
    accumulation_dtype,
    cast,
    value_of,
)
from clearsight.engine.operations.padding import is_symmetric, pad


@dataclass(frozen=True, eq=False)
class Convolution(Operation):
    """A convolution.

    Attributes:
        kernel: Keras variable, (kernel height, kernel width, C / groups, filters); depthwise
            (kernel height, kernel width, C, multiplier).
        bias: Keras variable (filters,), or None.
        is_depthwise: whether every channel has filters of its own.
        strides: rows and columns from one window to the next.
        dilation: rows and columns from one tap to the next.
        groups: of channels, each with filters of its own.
        edges: rows and columns of zeros around an image.
        dtype: what the convolution computes in.
        normalization: scales and shifts the output, folded into the weights; None if there is none.
    """

    kernel: Any
    bias: Any
    dtype: torch.dtype
    is_depthwise: bool = False
    strides: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1
    edges: Edges = ((0, 0), (0, 0))
    normalization: MovingNormalization | None = None

    def weights(self) -> Weights:
        """Return kernel (filters, C / groups, kernel height, kernel width) and bias."""
        if self.normalization is None:
            return self._arranged(self.kernel.value, self.dtype), cast(
                value_of(self.bias), self.dtype
            )
        dtype = accumulation_dtype(self.dtype)
        kernel = self._arranged(self.kernel.value, dtype)
        bias = cast(value_of(self.bias), dtype)
        scale, shift = self.normalization.scale_and_shift(dtype)
        shift = shift if bias is None else bias * scale + shift
        return (kernel * scale[:, None, None, None]).to(self.dtype), shift.to(self.dtype)

    def apply(
        self, images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """Convolve images (N, C, H, W)."""
        # Other memory would be another order of adding than Keras's.
        keeps_memory = self.input_axes is Axes.KERAS and self.dtype is not torch.bfloat16
        memory = torch.preserve_format if keeps_memory else torch.channels_last
        images = images.to(self.dtype, memory_format=memory)
        images, groups = self._with_a_filter_each(images, len(kernel))
        window: Any = (kernel.shape[2:], self.strides, self.dilation, self.edges)
        sizes = ConvolutionSizes(images.shape, *window)  # pyright: ignore[reportArgumentType]
        if self.is_depthwise and can_convolve_depthwise(images, kernel, sizes):
            return convolve_depthwise(images, kernel, bias, sizes)
        if self.groups == 1 and can_convolve_few_channels(images, kernel, sizes):
            return convolve_few_channels(images, kernel, bias, sizes)
        (top, _), (left, _) = self.edges
        padding = (top, left)
        if not is_symmetric(self.edges) or self._reaches_beyond(sizes):
            images, padding = pad(images, self.edges), (0, 0)
        options = (self.strides, padding, self.dilation, groups)
        if bias is None or self.dtype is torch.bfloat16:
            return functional.conv2d(images, kernel, bias, *options)
        # In float32 the rounding follows Keras's, which adds the bias last.
        return functional.conv2d(images, kernel, None, *options) + bias[:, None, None]

    def _with_a_filter_each(
        self, images: torch.Tensor, num_filters: int
    ) -> tuple[torch.Tensor, int]:
        """Return images and the number of groups such that torch's result is right.

        In bfloat16 oneDNN's (torch 2.13, AVX-512) is not if each channel has several filters and
        the strides differ; so there each filter gets a channel of its own.
        """
        channels = images.shape[1]
        has_several = self.is_depthwise and num_filters > channels
        if not has_several or self.dtype is not torch.bfloat16 or len({*self.strides}) == 1:
            return images, self.groups
        repeated = images.repeat_interleave(num_filters // channels, 1)
        return repeated.contiguous(memory_format=torch.channels_last), num_filters

    def _reaches_beyond(self, sizes: ConvolutionSizes) -> bool:
        """Return whether part of the kernel may never be on an image, but always on its edges.

        In bfloat16, at a stride, oneDNN leaves that part of the kernel's gradient as the memory was
        (torch 2.13, AVX-512), unless the edges are part of the images.
        """
        reach = [(n - 1) * by + 1 for n, by in zip(sizes.kernel, sizes.dilation, strict=True)]
        is_larger = any(a > b for a, b in zip(reach, sizes.images[2:], strict=True))
        return is_larger and max(self.strides) > 1 and self.dtype is torch.bfloat16

    def _arranged(self, kernel: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        if not self.is_depthwise:
            return kernel.permute(3, 2, 0, 1).to(dtype)
        height, width, channels, multiplier = kernel.shape
        filters = kernel.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
        return filters.to(dtype)


@dataclass(frozen=True, eq=False)
class PooledConvolution(Operation):
    """A convolution and 2x2 max pooling in one operation.

    Attributes:
        convolution: with strides and dilation of 1.
        rectified: whether a ReLU is part of it.
    """

    convolution: Convolution
    rectified: bool

    def weights(self) -> Weights:
        """Return kernel and bias as Keras has them, in float32."""
        kernel, bias = self.convolution.kernel.value, value_of(self.convolution.bias)
        return kernel.to(torch.float32), cast(bias, torch.float32)

    def apply(
        self, images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """Convolve and pool images (N, C, H, W)."""
        convolution, rectified = self.convolution, self.rectified
        last = images.permute(0, 2, 3, 1)
        sizes = Sizes(last.shape, kernel.shape, convolution.edges)
        method = next((each for each in (FIRST, POOLED) if each.should_compute(last, sizes)), None)
        if method is not None and is_supported(last, kernel, sizes):
            bias = kernel.new_zeros(kernel.shape[-1]) if bias is None else bias
            pooled = convolve_and_pool(method, last, kernel, bias, sizes, rectified=rectified)
            return pooled.permute(0, 3, 1, 2)
        arranged = kernel.permute(3, 2, 0, 1).to(convolution.dtype)
        convolved = convolution.apply(images, arranged, cast(bias, convolution.dtype))
        return max_pool_2x2(convolved, rectified=rectified)
