"""The table of lowered layers: Keras's class -> its operations in torch.

To add one: a function next to those of its family, a row here, and a row in the contract test.
"""

from collections.abc import Callable
from typing import Any

import torch

from clearsight.engine.lowering import (
    activation,
    attention,
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
from clearsight.engine.lowering.site import Site
from clearsight.engine.operations.operation import Operation
from clearsight.models.backend import keras
from clearsight.models.keras_internals.names import LayerScale

layers = keras.layers

Lowering = Callable[[Any, Site], list[Operation]]

LOWERINGS: dict[str, tuple[type, Lowering]] = {
    "Conv2D": (layers.Conv2D, convolution.conv2d),
    "DepthwiseConv2D": (layers.DepthwiseConv2D, convolution.depthwise_conv2d),
    "SeparableConv2D": (layers.SeparableConv2D, convolution.separable_conv2d),
    "MaxPooling2D": (layers.MaxPooling2D, pooling.max_pooling2d),
    "AveragePooling2D": (layers.AveragePooling2D, pooling.average_pooling2d),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D, pooling.global_average_pooling2d),
    "GlobalMaxPooling2D": (layers.GlobalMaxPooling2D, pooling.global_max_pooling2d),
    "GlobalAveragePooling1D": (layers.GlobalAveragePooling1D, pooling.global_average_pooling1d),
    "GlobalMaxPooling1D": (layers.GlobalMaxPooling1D, pooling.global_max_pooling1d),
    "Flatten": (layers.Flatten, shape.flatten),
    "Reshape": (layers.Reshape, shape.reshape),
    "Permute": (layers.Permute, shape.permute),
    "RepeatVector": (layers.RepeatVector, shape.repeat_vector),
    "Dense": (layers.Dense, dense.dense),
    "EinsumDense": (layers.EinsumDense, dense.einsum_dense),
    "Embedding": (layers.Embedding, dense.embedding),
    "Activation": (layers.Activation, activation.activation),
    "ReLU": (layers.ReLU, activation.relu),
    "LeakyReLU": (layers.LeakyReLU, activation.leaky_relu),
    "ELU": (layers.ELU, activation.elu),
    "PReLU": (layers.PReLU, activation.prelu),
    "Softmax": (layers.Softmax, activation.softmax_layer),
    "BatchNormalization": (layers.BatchNormalization, normalization.batch_normalization),
    "LayerNormalization": (layers.LayerNormalization, normalization.layer_normalization),
    "GroupNormalization": (layers.GroupNormalization, normalization.group_normalization),
    "RMSNormalization": (layers.RMSNormalization, normalization.rms_normalization),
    "UnitNormalization": (layers.UnitNormalization, normalization.unit_normalization),
    "Dropout": (layers.Dropout, noise.dropout),
    "SpatialDropout1D": (layers.SpatialDropout1D, noise.spatial_dropout),
    "SpatialDropout2D": (layers.SpatialDropout2D, noise.spatial_dropout),
    "SpatialDropout3D": (layers.SpatialDropout3D, noise.spatial_dropout),
    "GaussianNoise": (layers.GaussianNoise, noise.gaussian_noise),
    "GaussianDropout": (layers.GaussianDropout, noise.noisy_dropout),
    "AlphaDropout": (layers.AlphaDropout, noise.noisy_dropout),
    "ZeroPadding2D": (layers.ZeroPadding2D, padding.zero_padding2d),
    "Cropping2D": (layers.Cropping2D, padding.cropping2d),
    "UpSampling2D": (layers.UpSampling2D, padding.upsampling2d),
    "Rescaling": (layers.Rescaling, pixels.rescaling),
    "Normalization": (layers.Normalization, pixels.normalization),
    "RandomFlip": (layers.RandomFlip, augmentation.as_keras_does),
    "RandomTranslation": (layers.RandomTranslation, augmentation.random_translation),
    "RandomRotation": (layers.RandomRotation, augmentation.random_rotation),
    "RandomZoom": (layers.RandomZoom, augmentation.random_zoom),
    "RandomContrast": (layers.RandomContrast, augmentation.as_keras_does),
    "RandomErasing": (layers.RandomErasing, augmentation.as_keras_does),
    "Add": (layers.Add, merge.add),
    "Subtract": (layers.Subtract, merge.elementwise(torch.sub)),
    "Multiply": (layers.Multiply, merge.multiply),
    "Average": (layers.Average, merge.elementwise(torch.add, mean=True)),
    "Maximum": (layers.Maximum, merge.elementwise(torch.maximum)),
    "Minimum": (layers.Minimum, merge.elementwise(torch.minimum)),
    "Concatenate": (layers.Concatenate, merge.concatenate),
    "LayerScale": (LayerScale, pixels.layer_scale),
    "MultiHeadAttention": (layers.MultiHeadAttention, attention.attention_layer),
    "GroupQueryAttention": (layers.GroupQueryAttention, attention.attention_layer),
}

_ATTENDED = ("value", "key", "attention_mask", "use_causal_mask")
ARGUMENTS: dict[type, tuple[str, ...]] = {
    layers.MultiHeadAttention: _ATTENDED,
    layers.GroupQueryAttention: _ATTENDED,
}
"""Keras's class -> the arguments of its `call` that its lowering takes, besides the first."""
