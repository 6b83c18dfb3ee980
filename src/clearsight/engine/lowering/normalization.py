"""Normalization by statistics, which are float32 at least."""

from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.normalization import BatchNormalization, MovingNormalization
from clearsight.engine.operations.operation import (
    Axes,
    Function,
    Operation,
    Weights,
    accumulation_dtype,
    cast,
    value_of,
)


def batch_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower BatchNormalization.

    A frozen layer uses its moving statistics in training too, as in Keras.
    """
    if layer.renorm or layer.synchronized:
        raise CannotLowerError("it renormalizes or synchronizes over devices")
    order, epsilon = _channel_order(layer.axis, site), float(layer.epsilon)
    variables = (layer.moving_mean, layer.moving_variance, layer.gamma, layer.beta)
    if site.training and layer.trainable:
        momentum = float(layer.momentum)
        return [BatchNormalization(*variables, epsilon, site.dtype, momentum, input_axes=order)]
    is_training = site.training
    return [
        MovingNormalization(
            *variables, epsilon, site.dtype, is_training=is_training, input_axes=order
        )
    ]


def layer_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower LayerNormalization over the last axes."""
    if layer.rms_scaling:
        raise CannotLowerError("it scales by the root of the mean square")
    shape = _last_sizes(layer.axis, site)
    epsilon = float(layer.epsilon)

    def normalize(
        values: torch.Tensor, gamma: torch.Tensor | None, beta: torch.Tensor | None
    ) -> torch.Tensor:
        if gamma is None and beta is not None and values.dtype is torch.bfloat16:
            gamma = torch.ones_like(beta)  # torch takes a shift alone in the values' own type only
        # (N, H, W, C) seen as (N, C, H, W) and back is contiguous again, so this copies nothing.
        return functional.layer_norm(values, shape, gamma, beta, epsilon)

    return [Function(normalize, _scale_and_shift(layer, site))]


def rms_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower RMSNormalization over the last axes."""
    shape = _last_sizes(layer.axis, site)
    axes = tuple(range(-len(shape), 0))
    epsilon, dtype = float(layer.epsilon), accumulation_dtype(site.dtype)

    def normalize(values: torch.Tensor, scale: torch.Tensor | None) -> torch.Tensor:
        wide = values.to(dtype)
        if site.keeps_bits:
            return functional.rms_norm(wide, shape, scale, epsilon).to(values.dtype)
        # The same on a CPU, in operations that can be exported, and in the values' order in memory.
        normalized = wide * torch.rsqrt(wide.pow(2).mean(axes, keepdim=True) + epsilon)
        return (normalized if scale is None else normalized * scale).to(values.dtype)

    return [Function(normalize, lambda: (cast(value_of(layer.scale), dtype),))]


def unit_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower UnitNormalization."""
    axis, dtype = layer.axis, accumulation_dtype(site.dtype)

    def normalize(values: torch.Tensor) -> torch.Tensor:
        wide = values.to(dtype)
        inverse = torch.rsqrt(torch.square(wide).sum(axis, keepdim=True))
        # Keras's operation: a norm below 1e-12 counts as 1e-12.
        return (wide * torch.minimum(inverse, inverse.new_tensor(1e12))).to(values.dtype)

    return [Function(normalize)]


def group_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower GroupNormalization over channels."""
    if site.keeps_bits:
        raise CannotLowerError("torch's operation rounds in another order than Keras's")
    groups, epsilon = int(layer.groups), float(layer.epsilon)

    def normalize(
        values: torch.Tensor, gamma: torch.Tensor | None, beta: torch.Tensor | None
    ) -> torch.Tensor:
        if gamma is None and beta is not None:
            gamma = torch.ones_like(beta)  # torch has no gradient of a shift alone
        # If torch 2.13 needs no gradient of channels-last values, it crashes in the others. Those
        # of one channel, or pixel, are in both orders at once, and only a copy gets one's strides.
        is_first = values.ndim == 4 and not values.requires_grad
        values = values.clone(memory_format=torch.contiguous_format) if is_first else values
        output = functional.group_norm(values, groups, gamma, beta, epsilon)
        return output.contiguous(memory_format=torch.channels_last) if is_first else output

    order = _channel_order(layer.axis, site)
    return [Function(normalize, _scale_and_shift(layer, site), input_axes=order)]


def _scale_and_shift(layer: Any, site: Site) -> Any:
    dtype = accumulation_dtype(site.dtype)

    def weights() -> Weights:
        return cast(value_of(layer.gamma), dtype), cast(value_of(layer.beta), dtype)

    return weights


def _channel_order(axis: Any, site: Site) -> Axes:
    """Return the order of axes in which a layer's channels are the second."""
    if not isinstance(axis, int) or site.rank not in (2, 4):
        raise CannotLowerError(f"it normalizes {site.rank} axes over {axis}")
    if axis % site.rank == 1:
        return Axes.KERAS
    if axis % site.rank == 3:
        return Axes.CHANNELS_SECOND
    raise CannotLowerError(f"it normalizes over axis {axis}, not over channels")


def _last_sizes(axis: Any, site: Site) -> list[int]:
    """Return the sizes of the axes that a layer normalizes over, which must be the last ones."""
    axes = [axis] if isinstance(axis, int) else list(axis)
    axes = sorted(axis % site.rank for axis in axes)
    sizes = [site.input_shapes[0][axis - 1] for axis in axes]
    if axes != list(range(site.rank - len(axes), site.rank)) or None in sizes:
        raise CannotLowerError(f"it normalizes over the axes {axis}, not the last ones")
    return [int(size) for size in sizes if size is not None]
