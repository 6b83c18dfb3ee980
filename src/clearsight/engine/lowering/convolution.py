"""Conv2D, DepthwiseConv2D and SeparableConv2D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.first_convolution import FEW_CHANNELS, first_convolution, takes_first
from clearsight.engine.kernels.max_pooling import max_pool_2x2
from clearsight.engine.kernels.pooled_convolution import pooled_convolution, takes_pooled
from clearsight.engine.kernels.windows import Edges
from clearsight.engine.lowering.activation import activation_of
from clearsight.engine.lowering.operation import (
    Axes,
    CannotLowerError,
    Operation,
    Site,
    Weights,
    cast,
    image_axes,
    value_of,
)
from clearsight.engine.lowering.padding import pad, same_edges

_POOLED = ((takes_first, first_convolution), (takes_pooled, pooled_convolution))
"""What convolves and pools in one, and when it does."""

Affine = Callable[[], tuple[torch.Tensor, torch.Tensor]]
WeightsIn = Callable[[torch.dtype], Weights]


def conv2d(layer: Any, site: Site) -> list[Operation]:
    """Lower Conv2D: kernel (kh, kw, C / groups, filters)."""
    if layer.lora_enabled:
        raise CannotLowerError("it has LoRA weights")
    kernel, bias = layer.kernel, layer.bias

    def weights(dtype: torch.dtype) -> Weights:
        return _oihw(value_of(kernel), dtype), cast(value_of(bias), dtype)

    convolution = _convolution(layer, site, weights, layer.groups)
    if site.dtype is torch.bfloat16 and layer.groups == 1:
        convolution = _with_pooling(layer, site, convolution)
    return [convolution, *activation_of(layer, site)]


def depthwise_conv2d(layer: Any, site: Site) -> list[Operation]:
    """Lower DepthwiseConv2D: kernel (kh, kw, C, depth_multiplier)."""
    kernel, bias = layer.kernel, layer.bias

    def weights(dtype: torch.dtype) -> Weights:
        return _depthwise(value_of(kernel), dtype), cast(value_of(bias), dtype)

    groups = kernel.shape[2]
    return [_convolution(layer, site, weights, groups), *activation_of(layer, site)]


def separable_conv2d(layer: Any, site: Site) -> list[Operation]:
    """Lower SeparableConv2D: a depthwise convolution, then one of 1x1."""
    depthwise, pointwise, bias = layer.depthwise_kernel, layer.pointwise_kernel, layer.bias

    def depthwise_weights(dtype: torch.dtype) -> Weights:
        return _depthwise(value_of(depthwise), dtype), None

    def pointwise_weights(dtype: torch.dtype) -> Weights:
        return _oihw(value_of(pointwise), dtype), cast(value_of(bias), dtype)

    one_by_one = _convolve(site.dtype, (1, 1), (1, 1), 1, ((0, 0), (0, 0)))
    return [
        _convolution(layer, site, depthwise_weights, depthwise.shape[2]),
        _operation(one_by_one, pointwise_weights, site.dtype, image_axes(layer, site)),
        *activation_of(layer, site),
    ]


def _convolution(layer: Any, site: Site, weights: WeightsIn, groups: int) -> Operation:
    axes = image_axes(layer, site)
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    apply = _convolve(site.dtype, strides, dilation, groups, _edges(layer, site))
    return _operation(apply, weights, site.dtype, axes)


def _with_pooling(layer: Any, site: Site, convolution: Operation) -> Operation:
    """Let a convolution be made one with the max pooling that follows it.

    Of one with many channels that only helps its gradients.
    """
    is_plain = {*layer.strides, *layer.dilation_rate} == {1}
    has_few = layer.kernel.shape[2] < FEW_CHANNELS
    if convolution.takes is Axes.KERAS or not is_plain or not (site.training or has_few):
        return convolution
    edges = _edges(layer, site)
    kernel, bias = layer.kernel, layer.bias

    def pooled(rectified: bool) -> Operation:
        def apply(
            images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
        ) -> torch.Tensor:
            last = images.permute(0, 2, 3, 1)
            for takes, convolve in _POOLED:
                if takes(last, kernel, edges):
                    bias = kernel.new_zeros(kernel.shape[-1]) if bias is None else bias
                    return convolve(last, kernel, bias, edges, rectified=rectified).permute(
                        0, 3, 1, 2
                    )
            convolved = convolution.apply(images, _oihw(kernel, site.dtype), cast(bias, site.dtype))
            return max_pool_2x2(convolved, rectified=rectified)

        def weights() -> Weights:
            return cast(value_of(kernel), torch.float32), cast(value_of(bias), torch.float32)

        return Operation(apply, weights, convolution.takes)

    return replace(convolution, pooled=pooled)


def _edges(layer: Any, site: Site) -> Edges:
    if layer.padding != "same":
        return ((0, 0), (0, 0))
    sizes = (layer.kernel_size, layer.strides, layer.dilation_rate)
    return same_edges(layer, site, *(tuple(size) for size in sizes))


def _operation(
    apply: Callable[..., torch.Tensor], weights: WeightsIn, dtype: torch.dtype, axes: Axes
) -> Operation:
    def absorb(affine: Affine) -> Operation:
        """Fold a scale and shift of the output channels into the kernel and the bias."""

        def folded() -> Weights:
            kernel, bias = weights(torch.float32)
            assert kernel is not None  # a convolution has one
            scale, shift = affine()
            moved = shift if bias is None else bias * scale + shift
            return (kernel * scale[:, None, None, None]).to(dtype), moved.to(dtype)

        return Operation(apply, folded, axes)

    return Operation(apply, lambda: weights(dtype), axes, absorb=absorb)


def _convolve(
    dtype: torch.dtype,
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    edges: Edges,
) -> Callable[..., torch.Tensor]:
    (top, bottom), (left, right) = edges
    if top == bottom and left == right:
        padding, unequal = (top, left), False
    else:
        padding, unequal = (0, 0), True

    def convolve(
        images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        images = images.to(dtype, memory_format=torch.channels_last)
        if unequal:
            images = pad(images, edges)
        if bias is None or dtype is not torch.float32:
            return functional.conv2d(images, kernel, bias, strides, padding, dilation, groups)
        # Keras adds the bias last, and in float32 the rounding follows it.
        convolved = functional.conv2d(images, kernel, None, strides, padding, dilation, groups)
        return convolved + bias[:, None, None]

    return convolve


def _oihw(kernel: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor:
    assert kernel is not None  # a built layer has one
    return kernel.permute(3, 2, 0, 1).to(dtype)


def _depthwise(kernel: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor:
    assert kernel is not None  # likewise
    height, width, channels, multiplier = kernel.shape
    in_torch = kernel.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return in_torch.to(dtype)
