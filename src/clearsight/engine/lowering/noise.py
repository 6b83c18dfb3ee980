"""Dropout, SpatialDropout2D and GaussianNoise: random in training, nothing otherwise.

All draw from the generators that plain Keras draws from, so the same seed drops the same units.
"""

from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.lowering.site import Site
from clearsight.engine.operations.operation import Axes, Function, Operation


def dropout(layer: Any, site: Site) -> list[Operation]:
    """Lower Dropout."""
    rate = float(layer.rate)
    if not site.training or rate == 0.0:
        return []
    if layer.noise_shape is not None or layer.seed is not None:
        return _as_keras_draws(layer)
    return [Function(lambda values: functional.dropout(values, rate, True), takes=Axes.ANY)]


def spatial_dropout2d(layer: Any, site: Site) -> list[Operation]:
    """Lower SpatialDropout2D, which drops whole channels."""
    return _as_keras_draws(layer) if site.training and layer.rate else []


def gaussian_noise(layer: Any, site: Site) -> list[Operation]:
    """Lower GaussianNoise."""
    return _as_keras_draws(layer) if site.training and layer.stddev else []


def _as_keras_draws(layer: Any) -> list[Operation]:
    def apply(values: torch.Tensor) -> torch.Tensor:
        return layer.call(values, training=True).to(values.dtype)

    return [Function(apply, changes_state=True)]
