"""The two networks as plain Keras models, for whichever backend the process chose."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from peers.job import LEARNING_RATE, NUM_CLASSES


def reference_network() -> keras.Model:
    """Return the reference network, compiled; 421,642 parameters, input (28, 28, 1)."""
    return _compiled(
        keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(32, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(64, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dense(NUM_CLASSES, activation="softmax"),
            ]
        )
    )


def residual_network() -> keras.Model:
    """Return ResNet-18 for small images, compiled; 11,173,962 weights to train.

    He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1512.03385, with a 3x3 stem and no pooling
    after it, as is usual for 32x32 images.
    """
    inputs = keras.Input((32, 32, 3))
    values = _convolution(inputs, 64, kernel_size=3, strides=1)
    for stage, filters in enumerate((64, 128, 256, 512)):
        for block in range(2):
            values = _basic_block(values, filters, strides=2 if stage and not block else 1)
    values = layers.GlobalAveragePooling2D()(values)
    return _compiled(keras.Model(inputs, layers.Dense(NUM_CLASSES, activation="softmax")(values)))


def _basic_block(values: Any, filters: int, strides: int) -> Any:
    shortcut = values
    if strides > 1 or values.shape[-1] != filters:
        shortcut = _convolution(values, filters, kernel_size=1, strides=strides, activate=False)
    values = _convolution(values, filters, kernel_size=3, strides=strides)
    values = _convolution(values, filters, kernel_size=3, strides=1, activate=False)
    return layers.ReLU()(layers.Add()([values, shortcut]))


def _convolution(
    values: Any, filters: int, *, kernel_size: int, strides: int, activate: bool = True
) -> Any:
    convolution = layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)
    values = layers.BatchNormalization()(convolution(values))
    return layers.ReLU()(values) if activate else values


def _compiled(model: keras.Model) -> keras.Model:
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
