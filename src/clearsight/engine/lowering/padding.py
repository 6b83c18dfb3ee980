"""Padding "same" as in Keras and TensorFlow, and the layers that pad, crop and repeat images."""

from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.convolution import Edges
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.operation import Axes, Function, Operation
from clearsight.engine.operations.padding import ZeroPadding


def same_edges(
    layer: Any,
    site: Site,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...] = (1, 1),
) -> Edges:
    """Return the edges of padding "same" at this site.

    A window at a stride s is at ceil(n / s) positions of n pixels; the pixels that are missing for
    that are added, half before and half after, the odd one after.
    Source: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2.
    """
    axes = (1, 2) if layer.data_format == "channels_first" else (0, 1)
    edges = []
    for axis, size, stride, spread in zip(axes, window, strides, dilation, strict=True):
        length = site.input_shapes[0][axis]
        reach = (size - 1) * spread + 1
        if stride == 1:
            total = reach - 1
        elif length is None:
            raise CannotLowerError("its images have no fixed size, which padding 'same' needs here")
        else:
            total = max(0, (-(-length // stride) - 1) * stride + reach - length)
        edges.append((total // 2, total - total // 2))
    return edges[0], edges[1]


def zero_padding2d(layer: Any, site: Site) -> list[Operation]:
    """Lower ZeroPadding2D."""
    edges: Any = tuple(tuple(pair) for pair in layer.padding)
    order = site.image_order(layer)
    if site.keeps_bits and order is Axes.CHANNELS_SECOND:
        (top, bottom), (left, right) = edges
        padding = (0, 0, left, right, top, bottom)  # the last axis first
        return [Function(lambda images: functional.pad(images, padding))]
    return [ZeroPadding(edges, input_axes=order)]


def cropping2d(layer: Any, site: Site) -> list[Operation]:
    """Lower Cropping2D to a view."""
    (top, bottom), (left, right) = layer.cropping

    def crop(images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[2:]
        return images[:, :, top : height - bottom, left : width - right]

    return [Function(crop, input_axes=site.image_order(layer))]


def upsampling2d(layer: Any, site: Site) -> list[Operation]:
    """Lower UpSampling2D, by repeating ("nearest") or bilinearly."""
    if layer.interpolation not in ("nearest", "bilinear"):
        raise CannotLowerError(f"its interpolation is '{layer.interpolation}'")
    order = site.image_order(layer)
    if site.keeps_bits:
        if layer.interpolation != "nearest" or order is Axes.KERAS:
            raise CannotLowerError("torch's operation rounds in another order than Keras's")
        rows, columns = (int(factor) for factor in layer.size)
        return [
            Function(lambda images: images.repeat_interleave(rows, 1).repeat_interleave(columns, 2))
        ]
    factors = tuple(float(factor) for factor in layer.size)
    options: dict[str, Any] = {"mode": layer.interpolation}
    if layer.interpolation == "bilinear":
        options["align_corners"] = False

    def enlarge(images: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(images, scale_factor=factors, **options)

    return [Function(enlarge, input_axes=order)]
