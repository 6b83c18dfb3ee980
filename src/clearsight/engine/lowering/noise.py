"""Dropout and noise: random in training, nothing otherwise.

All draw from the generators that plain Keras draws from; in float32 a seed drops the same units as
there. In bfloat16 dropout draws from them only the key of its mask (`engine/kernels/dropout.py`):
torch draws value by value on one thread, which took half of a transformer's step.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels import dropout as kernel
from clearsight.engine.lowering.site import Site
from clearsight.engine.operations.operation import Axes, Function, Operation


def dropout(layer: Any, site: Site) -> list[Operation]:
    """Lower Dropout."""
    rate = float(layer.rate)
    if not site.training or rate == 0.0:
        return []
    if layer.noise_shape is not None or layer.seed is not None:
        return _dropout_with_generator(layer, site, layer.noise_shape)
    if site.dtype is not torch.bfloat16:
        return [
            Function(lambda values: functional.dropout(values, rate, True), input_axes=Axes.ANY)
        ]
    return [Function(lambda values: drop(values, rate), input_axes=Axes.ANY)]


def spatial_dropout(layer: Any, site: Site) -> list[Operation]:
    """Lower SpatialDropout1D, 2D and 3D, which drop whole channels."""
    if not site.training or layer.rate == 0:
        return []
    inner = (1,) * (site.rank - 2)
    is_first = getattr(layer, "data_format", "channels_last") == "channels_first"
    noise_shape = (None, None, *inner) if is_first else (None, *inner, None)
    return _dropout_with_generator(layer, site, noise_shape)


def gaussian_noise(layer: Any, site: Site) -> list[Operation]:
    """Lower GaussianNoise."""
    return _as_keras_draws(layer) if site.training and layer.stddev else []


def noisy_dropout(layer: Any, site: Site) -> list[Operation]:
    """Lower GaussianDropout and AlphaDropout."""
    return _as_keras_draws(layer) if site.training and layer.rate else []


def drop(values: torch.Tensor, rate: float) -> torch.Tensor:
    """Drop values with a mask whose key torch's generator draws; without a kernel, as torch does.

    Args:
        values: of any shape and type.
        rate: above 0, at most 1.
    """
    if kernel.can_drop(values, rate):
        return kernel.drop_values(values, rate, kernel.draw_key())
    return functional.dropout(values, rate, True)


def generator_key(layer: Any) -> torch.Tensor:
    """Draw the key of a mask, int64 (1,), from a layer's own generator, as often as Keras does."""
    state = layer.seed_generator.next()  # the seed and the number of draws so far, in 32 bits each
    return state.to(torch.int32).view(torch.int64)


def _dropout_with_generator(
    layer: Any, site: Site, noise_shape: tuple[int | None, ...] | None
) -> list[Operation]:
    """In bfloat16 the state of the layer's own generator is the key, and advances as in Keras."""
    if site.dtype is not torch.bfloat16:
        return _as_keras_draws(layer)
    rate, as_keras_draws = float(layer.rate), _keras_call(layer)

    def apply(values: torch.Tensor) -> torch.Tensor:
        repeats = kernel.find_repeats(values.shape, noise_shape)
        if repeats is None or not kernel.can_drop(values, rate):
            return as_keras_draws(values)
        return kernel.repeated_dropout(values, rate, generator_key(layer), repeats)

    return [Function(apply, changes_state=True)]


def _as_keras_draws(layer: Any) -> list[Operation]:
    return [Function(_keras_call(layer), changes_state=True)]


def _keras_call(layer: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda values: layer.call(values, training=True).to(values.dtype)
