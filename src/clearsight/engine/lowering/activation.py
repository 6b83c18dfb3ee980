"""Activations, as separate layers or as a layer's ``activation``."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.activation import Relu, Softmax, softmax
from clearsight.engine.operations.operation import (
    Axes,
    Function,
    Operation,
    accumulation_dtype,
    value_of,
)
from clearsight.models.backend import keras

_KERAS_LEAKY_RELU_SLOPE = 0.2  # the default of keras.activations.leaky_relu; torch's is 0.01
_RELU6_MAXIMUM = 6

ELEMENTWISE: dict[Any, Callable[[torch.Tensor], torch.Tensor]] = {
    keras.activations.relu6: functional.relu6,
    keras.activations.leaky_relu: lambda values: functional.leaky_relu(
        values, _KERAS_LEAKY_RELU_SLOPE
    ),
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
    keras.activations.exponential: torch.exp,
}
"""Keras's activation -> torch's function of the same values, for any order of axes."""


def activation_of(layer: Any) -> list[Operation]:
    """Lower a layer's ``activation``; "linear" needs no operation."""
    function = layer.activation
    if function is None or function is keras.activations.linear:
        return []
    if function is keras.activations.relu:
        return [Relu()]
    if function is keras.activations.softmax:
        return [Softmax()]
    if function is keras.activations.log_softmax:
        return [Function(_log_softmax)]
    if function is keras.activations.gelu:
        # Torch computes it differently, and up to twice as slowly, if the axes are not in the order
        # of memory (64x16x16x256 in bfloat16 with gradient: 5.8 and 9.2 ms on one core of a Zen 5).
        return [Function(functional.gelu)]
    if function in ELEMENTWISE:
        return [Function(ELEMENTWISE[function], input_axes=Axes.ANY)]
    if isinstance(function, keras.Layer):
        raise CannotLowerError("its activation is a layer")
    return [Function(function)]


def _log_softmax(values: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(values, -1, dtype=accumulation_dtype(values.dtype))


def activation(layer: Any, site: Site) -> list[Operation]:
    """Lower Activation."""
    del site
    return activation_of(layer)


def relu(layer: Any, site: Site) -> list[Operation]:
    """Lower ReLU with its maximum, slope and threshold."""
    del site
    if layer.max_value is None and not layer.negative_slope and not layer.threshold:
        return [Relu()]
    if layer.max_value == _RELU6_MAXIMUM and not layer.negative_slope and not layer.threshold:
        return [Function(functional.relu6, input_axes=Axes.ANY)]  # as in Keras
    return [
        Function(layer.call, input_axes=Axes.ANY)
    ]  # Keras's own, for its gradient at 0 and at the maximum


def leaky_relu(layer: Any, site: Site) -> list[Operation]:
    """Lower LeakyReLU."""
    del site
    slope = float(layer.negative_slope)
    return [Function(lambda values: functional.leaky_relu(values, slope), input_axes=Axes.ANY)]


def elu(layer: Any, site: Site) -> list[Operation]:
    """Lower ELU."""
    del site
    alpha = float(layer.alpha)
    return [Function(lambda values: functional.elu(values, alpha), input_axes=Axes.ANY)]


def prelu(layer: Any, site: Site) -> list[Operation]:
    """Lower PReLU: relu(x) - alpha * relu(-x)."""
    del site
    alpha = layer.alpha

    def apply(values: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        return functional.relu(values) - slope.to(values.dtype) * functional.relu(-values)

    return [Function(apply, lambda: (value_of(alpha),))]


def softmax_layer(layer: Any, site: Site) -> list[Operation]:
    """Lower Softmax over one axis."""
    axis = layer.axis
    if not isinstance(axis, int):
        raise CannotLowerError("its axis is a list")
    if axis in (-1, site.rank - 1):
        return [Softmax()]
    return [Function(lambda values: softmax(values, axis))]
