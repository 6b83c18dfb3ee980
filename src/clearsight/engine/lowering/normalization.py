"""BatchNormalization, LayerNormalization and GroupNormalization; statistics are float32."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.lowering.operation import (
    Axes,
    CannotLowerError,
    Operation,
    Site,
    Weights,
    value_of,
)


def batch_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower BatchNormalization.

    A frozen layer uses its moving statistics in training too, as in Keras.
    """
    if layer.renorm or layer.synchronized:
        raise CannotLowerError("it renormalizes or synchronizes over devices")
    axes = _channel_axes(layer.axis, site)
    if site.training and layer.trainable:
        return [_with_batch_statistics(layer, axes)]
    return [_with_moving_statistics(layer, axes)]


def _with_batch_statistics(layer: Any, axes: Axes) -> Operation:
    momentum, epsilon = float(layer.momentum), float(layer.epsilon)
    moving_mean, moving_variance = value_of(layer.moving_mean), value_of(layer.moving_variance)
    assert moving_mean is not None  # a built layer has them
    assert moving_variance is not None  # likewise
    gamma, beta = layer.gamma, layer.beta

    def normalize(
        values: torch.Tensor, scale: torch.Tensor | None, shift: torch.Tensor | None
    ) -> torch.Tensor:
        output, mean, inverse = torch.native_batch_norm(
            values, scale, shift, None, None, True, 0.0, epsilon
        )
        with torch.no_grad():
            # Keras's moving variance is that of the batch itself, torch's an unbiased estimate.
            variance = inverse.pow(-2).sub_(epsilon).clamp_(min=0.0)
            moving_mean.lerp_(mean, 1.0 - momentum)
            moving_variance.lerp_(variance, 1.0 - momentum)
        return output

    return Operation(normalize, lambda: (value_of(gamma), value_of(beta)), axes)


def _with_moving_statistics(layer: Any, axes: Axes) -> Operation:
    epsilon = float(layer.epsilon)
    mean, variance = layer.moving_mean, layer.moving_variance
    gamma, beta = layer.gamma, layer.beta

    def weights() -> Weights:
        return value_of(mean), value_of(variance), value_of(gamma), value_of(beta)

    def normalize(
        values: torch.Tensor,
        mean: torch.Tensor,
        variance: torch.Tensor,
        scale: torch.Tensor | None,
        shift: torch.Tensor | None,
    ) -> torch.Tensor:
        return functional.batch_norm(values, mean, variance, scale, shift, False, 0.0, epsilon)

    def affine() -> tuple[torch.Tensor, torch.Tensor]:
        mean, variance, scale, shift = weights()
        assert mean is not None  # a built layer has them
        assert variance is not None  # likewise
        factor = torch.rsqrt(variance + epsilon)
        factor = factor if scale is None else factor * scale
        return factor, -mean * factor if shift is None else shift - mean * factor

    return Operation(normalize, weights, axes, affine=affine)


def layer_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower LayerNormalization over the last axes."""
    if layer.rms_scaling:
        raise CannotLowerError("it scales by the root of the mean square")
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    places = sorted(axis % site.rank for axis in axes)
    if places != list(range(site.rank - len(places), site.rank)):
        raise CannotLowerError(f"it normalizes over the axes {layer.axis}, not the last ones")
    shape = [site.input_shapes[0][place - 1] for place in places]
    epsilon, gamma, beta = float(layer.epsilon), layer.gamma, layer.beta

    def normalize(
        values: torch.Tensor, scale: torch.Tensor | None, shift: torch.Tensor | None
    ) -> torch.Tensor:
        # (N, H, W, C) seen as (N, C, H, W) and back is contiguous again, so this copies nothing.
        return functional.layer_norm(values, shape, scale, shift, epsilon)  # pyright: ignore[reportArgumentType]

    return [Operation(normalize, lambda: (value_of(gamma), value_of(beta)))]


def group_normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower GroupNormalization over channels."""
    axes = _channel_axes(layer.axis, site)
    groups, epsilon = int(layer.groups), float(layer.epsilon)
    gamma, beta = layer.gamma, layer.beta

    def normalize(
        values: torch.Tensor, scale: torch.Tensor | None, shift: torch.Tensor | None
    ) -> torch.Tensor:
        return functional.group_norm(values, groups, scale, shift, epsilon)

    def weights() -> Weights:
        scale, shift = value_of(gamma), value_of(beta)
        if scale is None and shift is not None:
            scale = torch.ones_like(shift)  # torch cannot go backwards with a shift alone
        return scale, shift

    return [Operation(normalize, weights, axes)]


def _channel_axes(axis: Any, site: Site) -> Axes:
    """Return the order of axes in which a layer's channels stand second."""
    if not isinstance(axis, int) or site.rank not in (2, 4):
        raise CannotLowerError(f"it normalizes {site.rank} axes over {axis}")
    place = axis % site.rank
    if place == 1:
        return Axes.KERAS
    if place == 3:
        return Axes.CHANNELS_SECOND
    raise CannotLowerError(f"it normalizes over axis {axis}, not over channels")
