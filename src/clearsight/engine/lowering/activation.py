"""Activations, as layers of their own or as a layer's ``activation``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.lowering.operation import Axes, CannotLowerError, Operation, Site, value_of
from clearsight.models.backend import keras


def _softmax(values: torch.Tensor, axis: int = -1) -> torch.Tensor:
    # In float32 whatever comes in: eight bits are too few for probabilities.
    return torch.softmax(values, axis, dtype=torch.promote_types(values.dtype, torch.float32))


def _log_softmax(values: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(values, -1, dtype=torch.promote_types(values.dtype, torch.float32))


ELEMENTWISE: dict[Any, Callable[[torch.Tensor], torch.Tensor]] = {
    keras.activations.relu: functional.relu,
    keras.activations.relu6: functional.relu6,
    keras.activations.leaky_relu: lambda values: functional.leaky_relu(
        values, 0.2
    ),  # Keras's own default
    keras.activations.elu: functional.elu,
    keras.activations.selu: functional.selu,
    keras.activations.gelu: functional.gelu,
    keras.activations.silu: functional.silu,
    keras.activations.hard_silu: functional.hardswish,
    keras.activations.sigmoid: torch.sigmoid,
    keras.activations.hard_sigmoid: functional.hardsigmoid,
    keras.activations.tanh: torch.tanh,
    keras.activations.softplus: functional.softplus,
    keras.activations.softsign: functional.softsign,
    keras.activations.mish: functional.mish,
    keras.activations.exponential: torch.exp,
}
"""Keras's activation -> torch's function of the same values, for any order of axes."""


def activation_of(layer: Any, site: Site) -> list[Operation]:
    """Lower what stands in a layer's ``activation``: no operation at all for "linear"."""
    del site
    return lower_activation(layer.activation)


def lower_activation(function: Any) -> list[Operation]:
    """Lower an activation function of Keras's, or keep one of the user's own as it is."""
    if function is None or function is keras.activations.linear:
        return []
    if function in ELEMENTWISE:
        kind = "relu" if function is keras.activations.relu else ""
        return [Operation(ELEMENTWISE[function], takes=Axes.ANY, kind=kind)]
    if function is keras.activations.softmax:
        return [Operation(_softmax, kind="softmax")]
    if function is keras.activations.log_softmax:
        return [Operation(_log_softmax)]
    if isinstance(function, keras.Layer):
        raise CannotLowerError("its activation is a layer")
    return [Operation(function)]


def activation(layer: Any, site: Site) -> list[Operation]:
    """Lower Activation."""
    return activation_of(layer, site)


def relu(layer: Any, site: Site) -> list[Operation]:
    """Lower ReLU with its maximum, slope and threshold."""
    del site
    slope, threshold = float(layer.negative_slope or 0.0), float(layer.threshold or 0.0)
    maximum = layer.max_value
    if not slope and not threshold:
        if maximum is None:
            return [Operation(functional.relu, takes=Axes.ANY, kind="relu")]
        return [Operation(lambda values: values.clamp(0.0, float(maximum)), takes=Axes.ANY)]
    return [Operation(layer.call)]


def leaky_relu(layer: Any, site: Site) -> list[Operation]:
    """Lower LeakyReLU."""
    del site
    slope = float(layer.negative_slope)
    return [Operation(lambda values: functional.leaky_relu(values, slope), takes=Axes.ANY)]


def elu(layer: Any, site: Site) -> list[Operation]:
    """Lower ELU."""
    del site
    alpha = float(layer.alpha)
    return [Operation(lambda values: functional.elu(values, alpha), takes=Axes.ANY)]


def prelu(layer: Any, site: Site) -> list[Operation]:
    """Lower PReLU: relu(x) - alpha * relu(-x)."""
    del site
    alpha = layer.alpha

    def apply(values: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        return functional.relu(values) - slope.to(values.dtype) * functional.relu(-values)

    return [Operation(apply, lambda: (value_of(alpha),))]


def softmax(layer: Any, site: Site) -> list[Operation]:
    """Lower Softmax over one axis."""
    if not isinstance(layer.axis, int):
        raise CannotLowerError("its axis is a list")
    axis = layer.axis
    if axis in (-1, site.rank - 1):
        return [Operation(_softmax, kind="softmax")]
    return [Operation(lambda values: _softmax(values, axis))]
