"""Convolution, with a normalization folded in or with max pooling as part of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.activated_convolution import (
    can_convolve_and_activate,
    convolve_and_activate,
)
from clearsight.engine.kernels.convolution import Edges, Sizes, convolve_and_pool, is_supported
from clearsight.engine.kernels.convolution_sizes import ConvolutionSizes, with_equal_edges
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
        activation: torch's function that is applied last, with an argument ``inplace``, or None.
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
    activation: Callable[..., torch.Tensor] | None = None

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
        """Convolve images (N, C, H, W), and apply the activation, if any."""
        # Other memory would be another order of adding than Keras's.
        keeps_memory = self.input_axes is Axes.KERAS and self.dtype is not torch.bfloat16
        memory = torch.preserve_format if keeps_memory else torch.channels_last
        images = images.to(self.dtype, memory_format=memory)
        window: Any = (kernel.shape[2:], self.strides, self.dilation, self.edges)
        sizes = ConvolutionSizes(images.shape, *window)  # pyright: ignore[reportArgumentType]
        is_wrong = self.dtype is torch.bfloat16 and sizes.are_wrong_in_onednn
        is_fused = not is_wrong and can_convolve_and_activate(images, kernel, self.activation)
        if not is_fused and self.is_depthwise and can_convolve_depthwise(images, kernel, sizes):
            return self._activate(convolve_depthwise(images, kernel, bias, sizes))
        if self.groups == 1 and not is_wrong and can_convolve_few_channels(images, kernel, sizes):
            return self._activate(convolve_few_channels(images, kernel, bias, sizes))
        padding, strides = (self.edges[0][0], self.edges[1][0]), self.strides
        if is_wrong or not is_symmetric(self.edges):
            equal = with_equal_edges(kernel, sizes) if is_fused and self.is_depthwise else None
            if equal is None:
                images, padding = pad(images, self.edges), (0, 0)
            else:
                kernel, padding = equal
        if is_wrong:
            images, strides = self._without_strides(images, sizes)
        options = (strides, padding, self.dilation, self.groups)
        if is_fused:
            return convolve_and_activate(images, kernel, bias, options, self.activation)  # pyright: ignore
        if bias is None or self.dtype is torch.bfloat16:
            return self._activate(functional.conv2d(images, kernel, bias, *options))
        # In float32 the rounding follows Keras's, which adds the bias last.
        return self._activate(
            functional.conv2d(images, kernel, None, *options) + bias[:, None, None]
        )

    def _activate(self, convolved: torch.Tensor) -> torch.Tensor:
        return convolved if self.activation is None else self.activation(convolved, inplace=True)

    def _without_strides(
        self, images: torch.Tensor, sizes: ConvolutionSizes
    ) -> tuple[torch.Tensor, tuple[int, ...]]:
        """Return padded images and strides of the same result: 1 where there is a single window."""
        strides = list(self.strides)
        for axis, (size, reach) in enumerate(zip(sizes.output, sizes.reach, strict=True)):
            if size == 1:
                images, strides[axis] = images.narrow(2 + axis, 0, reach), 1
        return images, tuple(strides)

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
