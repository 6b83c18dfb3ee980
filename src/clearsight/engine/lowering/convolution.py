"""Conv2D, DepthwiseConv2D and SeparableConv2D."""

from typing import Any

from clearsight.engine.kernels.convolution import NO_EDGES, Edges
from clearsight.engine.lowering.activation import activation_of
from clearsight.engine.lowering.padding import same_edges
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.convolution import Convolution
from clearsight.engine.operations.operation import Operation


def conv2d(layer: Any, site: Site) -> list[Operation]:
    """Lower Conv2D: kernel (kh, kw, C / groups, filters)."""
    if layer.lora_enabled:
        raise CannotLowerError("it has LoRA weights")
    convolution = _convolution(layer, site, layer.kernel, layer.bias, groups=layer.groups)
    return [convolution, *activation_of(layer)]


def depthwise_conv2d(layer: Any, site: Site) -> list[Operation]:
    """Lower DepthwiseConv2D: kernel (kh, kw, C, depth_multiplier)."""
    return [_convolution(layer, site, layer.kernel, layer.bias), *activation_of(layer)]


def separable_conv2d(layer: Any, site: Site) -> list[Operation]:
    """Lower SeparableConv2D: a depthwise convolution, then one of 1x1."""
    return [
        _convolution(layer, site, layer.depthwise_kernel, None),
        Convolution(
            layer.pointwise_kernel, layer.bias, site.dtype, input_axes=site.image_order(layer)
        ),
        *activation_of(layer),
    ]


def _convolution(
    layer: Any, site: Site, kernel: Any, bias: Any, *, groups: int | None = None
) -> Convolution:
    """Make a convolution with a layer's strides, dilation and padding; depthwise without groups."""
    return Convolution(
        kernel,
        bias,
        site.dtype,
        is_depthwise=groups is None,
        strides=tuple(layer.strides),
        dilation=tuple(layer.dilation_rate),
        groups=kernel.shape[2] if groups is None else groups,
        edges=_edges(layer, site),
        input_axes=site.image_order(layer),
    )


def _edges(layer: Any, site: Site) -> Edges:
    if layer.padding != "same":
        return NO_EDGES
    sizes = (layer.kernel_size, layer.strides, layer.dilation_rate)
    return same_edges(layer, site, *(tuple(size) for size in sizes))
