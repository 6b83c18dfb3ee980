"""Max, average and global pooling of images, and global pooling of sequences."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.convolution import NO_EDGES
from clearsight.engine.lowering.padding import same_edges
from clearsight.engine.lowering.site import Site
from clearsight.engine.operations.operation import Axes, Function, Operation
from clearsight.engine.operations.pooling import (
    GlobalAveragePooling,
    MaxPooling2x2,
    Pooling,
    average_pool2d,
)


def max_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower MaxPooling2D."""
    pooling = _pooling(layer, site, functional.max_pool2d)
    is_2x2 = pooling.size == pooling.strides == (2, 2) and pooling.edges == NO_EDGES
    if is_2x2 and site.dtype is torch.bfloat16:
        return [MaxPooling2x2(input_axes=pooling.input_axes)]
    return [pooling]


def average_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower AveragePooling2D; padded values do not count, as in Keras."""
    return [_pooling(layer, site, average_pool2d)]


def _pooling(layer: Any, site: Site, function: Callable[..., torch.Tensor]) -> Pooling:
    size, strides = tuple(layer.pool_size), tuple(layer.strides)
    edges = same_edges(layer, site, size, strides) if layer.padding == "same" else NO_EDGES
    order, memory = site.image_order(layer), torch.channels_last
    if site.keeps_bits:
        # Keras's torch backend pools with channels second in memory, or images as they are.
        as_it_is = order is Axes.KERAS
        memory = torch.preserve_format if as_it_is else torch.contiguous_format
    return Pooling(function, size, strides, edges, memory_format=memory, input_axes=order)


def global_average_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower GlobalAveragePooling2D."""
    if site.keeps_bits:
        return [_reduce_in_keras_order(layer, site, torch.mean)]
    order, keepdims = site.image_order(layer), bool(layer.keepdims)
    output_axes = order if keepdims else Axes.KERAS
    return [GlobalAveragePooling(keepdims, input_axes=order, output_axes=output_axes)]


def global_max_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower GlobalMaxPooling2D."""
    return [_reduce_in_keras_order(layer, site, torch.amax)]


def _reduce_in_keras_order(
    layer: Any, site: Site, reduce: Callable[..., torch.Tensor]
) -> Operation:
    """Reduce rows and columns; the gradient's memory follows the order of axes."""
    axes = (2, 3) if site.image_order(layer) is Axes.KERAS else (1, 2)
    keepdims = bool(layer.keepdims)
    return Function(lambda images: reduce(images, axes, keepdim=keepdims))


def global_average_pooling1d(layer: Any, site: Site) -> list[Operation]:
    """Lower GlobalAveragePooling1D."""
    del site
    axis, keepdims = _steps_axis(layer), bool(layer.keepdims)
    return [Function(lambda values: values.mean(axis, keepdim=keepdims))]


def global_max_pooling1d(layer: Any, site: Site) -> list[Operation]:
    """Lower GlobalMaxPooling1D."""
    del site
    axis, keepdims = _steps_axis(layer), bool(layer.keepdims)
    return [Function(lambda values: values.amax(axis, keepdim=keepdims))]


def _steps_axis(layer: Any) -> int:
    return 2 if layer.data_format == "channels_first" else 1
