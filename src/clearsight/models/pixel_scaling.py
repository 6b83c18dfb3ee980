"""How a network scales the pixels that it gets, before its first layer with weights."""

import math
from typing import Any, Literal

import numpy as np

from clearsight.models.backend import keras
from clearsight.models.graph import (
    NORMALIZATIONS,
    Call,
    calls_in_order,
    get_graph,
    is_builtin_layer,
)

PixelScaling = Literal["rescales", "normalizes", "nothing", "unknown"]

_MAX_RESCALING_FACTOR = 0.1
_SCALING_OPERATIONS = ("Multiply", "Divide", "TrueDivide")

_layers = keras.layers
# Before one of these a normalization makes the scale of its input irrelevant.
_PRODUCTS = (
    _layers.Dense, _layers.Conv1D, _layers.Conv2D, _layers.Conv3D,
    _layers.DepthwiseConv2D, _layers.SeparableConv2D,
)  # fmt: skip
_KEEP_SCALE = (
    _layers.InputLayer, _layers.Identity, _layers.Flatten, _layers.Reshape, _layers.Permute,
    _layers.Concatenate, _layers.ZeroPadding2D, _layers.Cropping2D, _layers.UpSampling2D,
    _layers.Dropout, _layers.SpatialDropout2D, _layers.GaussianNoise, _layers.ReLU,
    _layers.MaxPooling2D, _layers.AveragePooling2D,
    _layers.GlobalMaxPooling2D, _layers.GlobalAveragePooling2D,
    _layers.Resizing, _layers.CenterCrop, _layers.RandomCrop, _layers.RandomFlip,
    _layers.RandomRotation, _layers.RandomTranslation, _layers.RandomZoom,
    _layers.RandomBrightness, _layers.RandomContrast,
)  # fmt: skip


def pixel_scaling(model: keras.Model) -> PixelScaling:
    """Return how a network scales pixel values before its first layer with weights.

    "rescales": it divides them by ten or more (a Rescaling layer, a Normalization layer for such
    pixels, ``x / 255``). "normalizes": it normalizes them over a batch or an image, also right
    behind its first convolution or dense layer, which works at any scale. "unknown": it applies an
    operation of unknown effect. "nothing": none of these.
    """
    return _scaling_within(model) or "nothing"


def first_weighted_layer(model: keras.Model) -> keras.Layer | None:
    """Return the first layer that has weights, within nested models too."""
    layers = (call.layer for call in calls_in_order(model))
    return next((layer for layer in layers if getattr(layer, "weights", ())), None)


def _scaling_within(model: keras.Model) -> PixelScaling | None:
    """Return what `pixel_scaling` does; None if the model passes pixels on at their scale."""
    calls = get_graph(model).calls
    for call in calls:
        is_model = isinstance(call.layer, keras.Model)
        scaling = _scaling_within(call.layer) if is_model else _scaling_of(call, calls)
        if scaling is not None:
            return scaling
    return None


def _scaling_of(call: Call, calls: tuple[Call, ...]) -> PixelScaling | None:
    layer = call.layer
    if not isinstance(layer, keras.Layer):
        return _scaling_of_operation(call)
    if isinstance(layer, _layers.Rescaling):
        scale = layer.scale
        divides = not _is_number(scale) or abs(float(scale)) <= _MAX_RESCALING_FACTOR
        return "rescales" if divides else None
    if isinstance(layer, _layers.Normalization):
        return "rescales" if _is_for_raw_pixels(layer) else "nothing"
    if isinstance(layer, (*NORMALIZATIONS, _layers.UnitNormalization)):
        return "normalizes"
    if not is_builtin_layer(layer):
        return "unknown"
    if isinstance(layer, _PRODUCTS):
        return "normalizes" if _is_normalized(call, calls) else "nothing"
    return None if isinstance(layer, _KEEP_SCALE) else "unknown"


def _scaling_of_operation(call: Call) -> PixelScaling | None:
    """Return the effect of one of Keras's operations, as in ``inputs / 255``."""
    name = type(call.layer).__name__
    constants = [value for value in call.arguments.args if _is_number(value)]
    if name not in _SCALING_OPERATIONS or not constants:
        return "unknown"
    factor = math.prod(constants)
    scale = factor if name == "Multiply" else 1 / factor if factor else 1.0
    return "rescales" if abs(scale) <= _MAX_RESCALING_FACTOR else None


def _is_normalized(call: Call, calls: tuple[Call, ...]) -> bool:
    """Return whether normalizations alone take a layer's output, before any activation."""
    layer: Any = call.layer
    (output,) = call.outputs
    takers = [other.layer for other in calls if any(each is output for each in other.inputs)]
    is_linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
    return is_linear and bool(takers) and all(isinstance(each, NORMALIZATIONS) for each in takers)


def _is_for_raw_pixels(layer: Any) -> bool:
    """Return whether a Normalization layer was adapted to pixels 0..255 rather than to [0, 1]."""
    if layer.mean is None:
        return False  # not adapted yet: it changes nothing
    values: Any = keras.ops.convert_to_numpy
    mean, variance = values(layer.mean), values(layer.variance)
    return float(np.abs(mean).max() + np.sqrt(variance).max()) > 1 / _MAX_RESCALING_FACTOR


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
