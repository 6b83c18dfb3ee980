"""Rescaling and Normalization of pixel values, in float32 at least, and LayerScale."""

from typing import Any

import torch

from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.operation import (
    Axes,
    Function,
    Operation,
    accumulation_dtype,
    value_of,
)
from clearsight.models.backend import keras


def rescaling(layer: Any, site: Site) -> list[Operation]:
    """Lower Rescaling by one number, or one for each channel."""
    is_first = keras.config.image_data_format() == "channels_first"
    has_numbers = all(isinstance(value, int | float) for value in (layer.scale, layer.offset))
    if site.rank == 4 and is_first and not has_numbers:
        raise CannotLowerError("it rescales each channel differently, channels first")
    dtype = accumulation_dtype(site.dtype)
    scale = torch.as_tensor(layer.scale, dtype=dtype)
    offset = torch.as_tensor(layer.offset, dtype=dtype)
    is_shifted = bool(offset.any())

    def rescale(values: torch.Tensor) -> torch.Tensor:
        scaled = values.to(dtype) * scale.to(values.device)
        return scaled + offset.to(values.device) if is_shifted else scaled

    is_one_number = scale.ndim == offset.ndim == 0
    return [Function(rescale, input_axes=Axes.ANY if is_one_number else Axes.KERAS)]


def normalization(layer: Any, site: Site) -> list[Operation]:
    """Lower Normalization: subtract a mean and divide by a deviation, or the reverse.

    Keras has both as constants that broadcast; a deviation below 1e-7 counts as 1e-7.
    """
    if layer.mean is None or layer.variance is None:
        raise CannotLowerError("it has not been adapted yet")
    dtype = accumulation_dtype(site.dtype)
    mean = torch.as_tensor(layer.convert_weight(layer.mean)).detach().to(dtype)
    variance = torch.as_tensor(layer.convert_weight(layer.variance)).detach().to(dtype)
    deviation = variance.sqrt().clamp(min=1e-7)
    inverts = bool(layer.invert)

    def normalize(values: torch.Tensor) -> torch.Tensor:
        shift, scale = mean.to(values.device), deviation.to(values.device)
        values = values.to(dtype)
        return values * scale + shift if inverts else (values - shift) / scale

    return [Function(normalize)]


def layer_scale(layer: Any, site: Site) -> list[Operation]:
    """Lower the LayerScale of ConvNeXt: one factor for each channel."""
    del site
    gamma = layer.gamma

    def scale(values: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        return values * factor.to(values.dtype)

    return [Function(scale, lambda: (value_of(gamma),))]
