"""Max, average and global pooling of images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.max_pooling import max_pool_2x2
from clearsight.engine.kernels.windows import Edges
from clearsight.engine.lowering.operation import Axes, Operation, Site, image_axes
from clearsight.engine.lowering.padding import pad, same_edges

_NO_EDGES: Edges = ((0, 0), (0, 0))


def max_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower MaxPooling2D."""
    return [_pooling(layer, site, functional.max_pool2d, "max_pool")]


def average_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower AveragePooling2D; what was padded does not count, as in Keras."""

    def average(
        images: torch.Tensor, size: tuple[int, int], strides: tuple[int, int], padding: Any
    ) -> torch.Tensor:
        return functional.avg_pool2d(images, size, strides, padding, count_include_pad=False)

    return [_pooling(layer, site, average, "")]


def _pooling(layer: Any, site: Site, pool: Callable[..., torch.Tensor], kind: str) -> Operation:
    size, strides = tuple(layer.pool_size), tuple(layer.strides)
    edges = _NO_EDGES
    if layer.padding == "same":
        edges = same_edges(layer, site, size, strides)
    (top, bottom), (left, right) = edges
    is_even = top == bottom and left == right

    def apply(images: torch.Tensor) -> torch.Tensor:
        # Max pooling in float32 of an image that is not channels-last would copy it.
        images = images.contiguous(memory_format=torch.channels_last)
        if is_even:
            return pool(images, size, strides, (top, left))
        # Keras's torch backend repeats the edge where the two sides differ.
        return pool(pad(images, edges, "replicate"), size, strides, 0)

    axes = image_axes(layer, site)
    is_whole = layer.padding == "valid" or edges == _NO_EDGES
    if kind == "max_pool" and size == strides == (2, 2) and is_whole and _is_bfloat16(site):
        plain, with_relu = (partial(max_pool_2x2, rectified=value) for value in (False, True))
        return Operation(plain, takes=axes, kind="max_pool", with_relu=with_relu)
    return Operation(apply, takes=axes, kind=kind)


def _is_bfloat16(site: Site) -> bool:
    return site.dtype is torch.bfloat16


def global_average_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower GlobalAveragePooling2D."""
    keepdims = bool(layer.keepdims)
    return _global(layer, site, lambda images: images.mean((2, 3), keepdim=keepdims), keepdims)


def global_max_pooling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower GlobalMaxPooling2D."""
    keepdims = bool(layer.keepdims)
    return _global(layer, site, lambda images: images.amax((2, 3), keepdim=keepdims), keepdims)


def _global(
    layer: Any, site: Site, reduce: Callable[[torch.Tensor], torch.Tensor], keepdims: bool
) -> list[Operation]:
    axes = image_axes(layer, site)
    return [Operation(reduce, takes=axes, gives=axes if keepdims else Axes.KERAS)]
