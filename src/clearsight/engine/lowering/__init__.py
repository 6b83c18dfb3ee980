"""The one table of lowered layers: Keras's class -> its operations in torch.

To add one: a function beside those of its family, a row here, and a row in the contract test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clearsight.engine.lowering import (
    activation,
    augmentation,
    convolution,
    dense,
    merge,
    noise,
    normalization,
    padding,
    pixels,
    pooling,
    shape,
)
from clearsight.engine.lowering.operation import CannotLowerError, Operation, Site
from clearsight.models.backend import keras

layers = keras.layers

LOWERINGS: dict[str, tuple[type, Callable[[Any, Site], list[Operation]]]] = {
    "Conv2D": (layers.Conv2D, convolution.conv2d),
    "DepthwiseConv2D": (layers.DepthwiseConv2D, convolution.depthwise_conv2d),
    "SeparableConv2D": (layers.SeparableConv2D, convolution.separable_conv2d),
    "MaxPooling2D": (layers.MaxPooling2D, pooling.max_pooling2d),
    "AveragePooling2D": (layers.AveragePooling2D, pooling.average_pooling2d),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D, pooling.global_average_pooling2d),
    "GlobalMaxPooling2D": (layers.GlobalMaxPooling2D, pooling.global_max_pooling2d),
    "Flatten": (layers.Flatten, shape.flatten),
    "Reshape": (layers.Reshape, shape.reshape),
    "Dense": (layers.Dense, dense.dense),
    "Activation": (layers.Activation, activation.activation),
    "ReLU": (layers.ReLU, activation.relu),
    "LeakyReLU": (layers.LeakyReLU, activation.leaky_relu),
    "ELU": (layers.ELU, activation.elu),
    "PReLU": (layers.PReLU, activation.prelu),
    "Softmax": (layers.Softmax, activation.softmax),
    "BatchNormalization": (layers.BatchNormalization, normalization.batch_normalization),
    "LayerNormalization": (layers.LayerNormalization, normalization.layer_normalization),
    "GroupNormalization": (layers.GroupNormalization, normalization.group_normalization),
    "Dropout": (layers.Dropout, noise.dropout),
    "SpatialDropout2D": (layers.SpatialDropout2D, noise.spatial_dropout2d),
    "GaussianNoise": (layers.GaussianNoise, noise.gaussian_noise),
    "ZeroPadding2D": (layers.ZeroPadding2D, padding.zero_padding2d),
    "Cropping2D": (layers.Cropping2D, padding.cropping2d),
    "UpSampling2D": (layers.UpSampling2D, padding.upsampling2d),
    "Rescaling": (layers.Rescaling, pixels.rescaling),
    "Normalization": (layers.Normalization, pixels.normalization),
    "RandomFlip": (layers.RandomFlip, augmentation.random_flip),
    "RandomTranslation": (layers.RandomTranslation, augmentation.random_translation),
    "RandomRotation": (layers.RandomRotation, augmentation.random_rotation),
    "RandomZoom": (layers.RandomZoom, augmentation.random_zoom),
    "RandomContrast": (layers.RandomContrast, augmentation.random_contrast),
    "RandomErasing": (layers.RandomErasing, augmentation.random_erasing),
    "Add": (layers.Add, merge.add),
    "Multiply": (layers.Multiply, merge.multiply),
    "Average": (layers.Average, merge.average),
    "Maximum": (layers.Maximum, merge.maximum),
    "Concatenate": (layers.Concatenate, merge.concatenate),
}

_BY_CLASS: dict[type, Callable[[Any, Site], list[Operation]]] = dict(LOWERINGS.values())
_COMPUTE_TYPES = ("float32", "bfloat16")


def lower(layer: Any, site: Site) -> list[Operation]:
    """Return the operations that do what a layer does at a site; none where it does nothing.

    Raises:
        CannotLowerError: when the layer, or an option of it, must be left to Keras.
    """
    function = _BY_CLASS.get(type(layer)) or _lowering_of_an_application(layer)
    if function is None:
        raise CannotLowerError("its kind is not known to the engine")
    if layer.compute_dtype not in _COMPUTE_TYPES:
        raise CannotLowerError(f"its dtype policy computes in {layer.compute_dtype}")
    if layer.activity_regularizer is not None:
        raise CannotLowerError("it has an activity_regularizer")
    return function(layer, site)


def _lowering_of_an_application(layer: Any) -> Callable[[Any, Site], list[Operation]] | None:
    """Know the one layer that keras.applications defines for itself and does not export."""
    kind = type(layer)
    if kind.__name__ == "LayerScale" and kind.__module__.startswith("keras."):
        return pixels.layer_scale
    return None
