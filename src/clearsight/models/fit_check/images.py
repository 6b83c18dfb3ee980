"""Mistakes in the images that a network gets: their shape and the scale of their pixels."""

from __future__ import annotations

import math
from typing import Any

from clearsight.data.arrays.checks import channel_axis_mistakes
from clearsight.models.backend import keras
from clearsight.models.fit_check.sample import Sample
from clearsight.models.graph import get_graph
from clearsight.models.pixel_scaling import first_weighted_layer, pixel_scaling

# Scaled images stay within a few units of zero, however they are scaled; raw ones do not.
_RAW_PIXELS_ABOVE = 10.0
_MAX_8_BIT_VALUE = 255.0
_CHANNELS = (1, 3, 4)


def image_mistakes(model: keras.Model, x: Sample) -> list[str]:
    """Return what is wrong with the images of a model with one input, as sentences."""
    expected = tuple(model.input_shape[1:])
    if len(expected) == 3 and len(x.shape) != 4:
        return channel_axis_mistakes(x.shape, x.name)
    if not _fits(expected, x.shape[1:]):
        if _is_adapted_by_keras(expected, x.shape[1:]):
            return []
        return [
            f"{x.name} should have shape (N, {', '.join(map(str, expected))}) for this network, "
            f"but is {x}: {_advice(expected, x)}."
        ]
    if len(x.shape) != 4:
        return []
    return _channel_order_mistakes(model, x) or _scale_mistakes(model, x)


def _fits(expected: tuple[int | None, ...], found: tuple[int, ...]) -> bool:
    return len(expected) == len(found) and all(
        size is None or size == other for size, other in zip(expected, found, strict=True)
    )


def _is_adapted_by_keras(expected: tuple[int | None, ...], found: tuple[int, ...]) -> bool:
    """Return whether Keras adds or drops a last axis of 1, as is usual for tables and series."""
    return (expected[-1:] == (1,) and _fits(expected[:-1], found)) or (
        found[-1:] == (1,) and _fits(expected, found[:-1])
    )


def _advice(expected: tuple[int | None, ...], x: Sample) -> str:
    if len(expected) == 1 and expected[0] == math.prod(x.shape[1:]):
        return f"pass {x.name}.reshape(len({x.name}), -1), or begin it with Flatten()"
    return "resize the images or build the network for their shape"


def _channel_order_mistakes(model: keras.Model, x: Sample) -> list[str]:
    """Find images (N, H, W, C) for layers that take (N, C, H, W), as Keras would not notice."""
    is_first = any(
        getattr(call.layer, "data_format", None) == "channels_first"
        and not isinstance(call.layer, keras.layers.Flatten)  # whose order of values is as good
        for call in get_graph(model).calls
    )
    if not is_first or x.shape[-1] not in _CHANNELS or x.shape[1] in _CHANNELS:
        return []
    return [
        f"{x.name} should have its channels in axis 1 for this network, whose layers have "
        f"data_format='channels_first' (Keras's default where keras.json says so), but is {x}: "
        "build the network after keras.config.set_image_data_format('channels_last'), or pass "
        f"np.moveaxis({x.name}, -1, 1)."
    ]


def _scale_mistakes(model: keras.Model, x: Sample) -> list[str]:
    extremes = x.lowest_and_highest
    if extremes is None:
        return []
    low, high = extremes
    if low >= 0 and high > _RAW_PIXELS_ABOVE:
        if pixel_scaling(model) != "nothing" or _is_pretrained(model):
            return []
        most = f"{_MAX_8_BIT_VALUE:g}" if high <= _MAX_8_BIT_VALUE else f"{high:g}"
        return [
            f"Pixels should be scaled to [0, 1] for this network, but run from {low:g} to "
            f"{high:g}: divide by {most}, {x.name} = {x.name}.astype('float32') / {most}, or "
            f"start the network with keras.layers.Rescaling(1 / {most})."
        ]
    if low >= 0 and 0 < high <= 1 and pixel_scaling(model) == "rescales":
        return [
            f"This network scales pixels 0..255 itself, but they already run from {low:g} to "
            f"{high:g}, so they would be scaled twice: pass the pixels as they are in the file."
        ]
    return []


def _is_pretrained(model: keras.Model) -> bool:
    """Return whether a network's first weights are pretrained, for pixels of another scale.

    They are if they are frozen, or if there are biases other than zero before the first step.
    """
    layer: Any = first_weighted_layer(model)
    if layer is None or not layer.trainable_weights:
        return layer is not None
    bias = getattr(layer, "bias", None)
    starts_at_zero = isinstance(getattr(layer, "bias_initializer", None), keras.initializers.Zeros)
    optimizer: Any = model.optimizer if model.compiled else None
    if bias is None or not starts_at_zero or (optimizer and int(optimizer.iterations.value) > 0):
        return False
    return bool(bias.value.any())
