"""Networks as users of Keras write them, for whichever backend the process chose; not compiled.

`build_keras` builds every row of `network_rows.ROWS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from peers.job import NUM_CLASSES
from peers.keras_custom_layers import LearnedPositions, SequencePooling, StochasticDepth
from peers.network_rows import ROWS
from peers.network_stages import LITE0_STAGES


def build_keras(name: str) -> keras.Model:
    """Return the network of a row, with random weights."""
    if name in _SMALL:
        return _SMALL[name]()
    row = ROWS[name]
    shape = (row.pixels, row.pixels, row.channels)
    application = getattr(keras.applications, name)
    return application(weights=None, classes=NUM_CLASSES, input_shape=shape)


def _mnist() -> keras.Model:
    """https://keras.io/examples/vision/mnist_convnet/."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            _classifier(),
        ]
    )


def _mlp() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            _classifier(),
        ]
    )


def _cifar() -> keras.Model:
    stack: list[Any] = [
        keras.Input((32, 32, 3)),
        layers.RandomFlip("horizontal"),
        layers.RandomTranslation(0.1, 0.1),
        layers.Rescaling(1 / 255),
    ]
    for filters in (32, 64, 128):
        for _ in range(2):
            penalty = keras.regularizers.L2(1e-4)
            stack += [
                layers.Conv2D(filters, 3, padding="same", kernel_regularizer=penalty),
                layers.BatchNormalization(),
                layers.Activation("relu"),
            ]
        stack += [layers.MaxPooling2D(), layers.Dropout(0.2)]
    stack += [
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        _classifier(),
    ]
    return keras.Sequential(stack)


def _xception() -> keras.Model:
    """https://keras.io/examples/vision/image_classification_from_scratch/."""
    inputs = keras.Input((160, 160, 3))
    values: Any = layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(inputs))
    values = layers.Conv2D(128, 3, strides=2, padding="same")(layers.Rescaling(1 / 255)(values))
    values = before = layers.Activation("relu")(layers.BatchNormalization()(values))
    for filters in (256, 512, 728):
        for _ in range(2):
            values = layers.Activation("relu")(values)
            values = layers.SeparableConv2D(filters, 3, padding="same")(values)
            values = layers.BatchNormalization()(values)
        values = layers.MaxPooling2D(3, strides=2, padding="same")(values)
        shortcut = layers.Conv2D(filters, 1, strides=2, padding="same")(before)
        values = before = layers.add([values, shortcut])
    values = layers.SeparableConv2D(1024, 3, padding="same")(values)
    values = layers.Activation("relu")(layers.BatchNormalization()(values))
    values = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(values))
    return keras.Model(inputs, _classifier()(values))


def _convmixer() -> keras.Model:
    """https://keras.io/examples/vision/convmixer/."""

    def activated(values: Any) -> Any:
        return layers.BatchNormalization()(layers.Activation("gelu")(values))

    inputs = keras.Input((32, 32, 3))
    values = activated(layers.Conv2D(256, 2, strides=2)(layers.Rescaling(1 / 255)(inputs)))
    for _ in range(8):
        mixed = activated(layers.DepthwiseConv2D(5, padding="same")(values))
        values = activated(layers.Conv2D(256, 1)(layers.Add()([mixed, values])))
    return keras.Model(inputs, _classifier()(layers.GlobalAveragePooling2D()(values)))


def _vit() -> keras.Model:
    """https://keras.io/examples/vision/image_classification_with_vision_transformer/."""
    inputs = keras.Input((72, 72, 3))
    values: Any = layers.Conv2D(64, 6, strides=6)(layers.Rescaling(1 / 255)(inputs))
    values = layers.Reshape((144, 64))(values)
    for _ in range(4):
        normalized = layers.LayerNormalization(epsilon=1e-6)(values)
        attended = layers.MultiHeadAttention(4, 16, dropout=0.1)(normalized, normalized)
        values = layers.Add()([attended, values])
        normalized = layers.LayerNormalization(epsilon=1e-6)(values)
        hidden = layers.Dropout(0.1)(layers.Dense(128, activation="gelu")(normalized))
        values = layers.Add()([layers.Dense(64, activation="gelu")(hidden), values])
    values = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(values))
    return keras.Model(inputs, _classifier()(values))


def _resnet20() -> keras.Model:
    """He, Zhang, Ren and Sun 2015, https://arxiv.org/abs/1512.03385, section 4.2."""

    def convolution(values: Any, filters: int, size: int, strides: int) -> Any:
        return layers.BatchNormalization()(
            layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(values)
        )

    inputs = keras.Input((32, 32, 3))
    values: Any = layers.ReLU()(convolution(layers.Rescaling(1 / 255)(inputs), 16, 3, 1))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            strides = 2 if stage and not block else 1
            shortcut = convolution(values, filters, 1, strides) if strides > 1 else values
            values = layers.ReLU()(convolution(values, filters, 3, strides))
            values = layers.ReLU()(layers.add([convolution(values, filters, 3, 1), shortcut]))
    return keras.Model(inputs, _classifier()(layers.GlobalAveragePooling2D()(values)))


def _cct() -> keras.Model:
    """https://keras.io/examples/vision/cct/, which also defines custom layers."""
    width, num_blocks = 128, 2
    inputs = keras.Input((32, 32, 3))
    values: Any = layers.Rescaling(1 / 255)(layers.RandomFlip("horizontal")(inputs))
    for filters in (64, width):
        values = layers.Conv2D(filters, 3, padding="same", use_bias=False, activation="relu")(
            values
        )
        values = layers.MaxPooling2D(3, 2, padding="same")(values)
    values = LearnedPositions()(layers.Reshape((64, width))(values))
    for block in range(num_blocks):
        drop = StochasticDepth(0.1 * block / (num_blocks - 1))
        normalized = layers.LayerNormalization(epsilon=1e-5)(values)
        attended = layers.MultiHeadAttention(2, width, dropout=0.1)(normalized, normalized)
        values = layers.Add()([drop(attended), values])
        hidden: Any = layers.LayerNormalization(epsilon=1e-5)(values)
        for _ in range(2):
            hidden = layers.Dropout(0.1)(layers.Dense(width, activation="gelu")(hidden))
        values = layers.Add()([drop(hidden), values])
    values = SequencePooling()(layers.LayerNormalization(epsilon=1e-5)(values))
    return keras.Model(inputs, _classifier()(values))


def _transfer() -> keras.Model:
    """https://keras.io/guides/transfer_learning/, with random weights: only speed is measured."""
    inputs = keras.Input((160, 160, 3))
    base = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(160, 160, 3)
    )
    base.trainable = False
    values: Any = base(layers.Rescaling(1 / 127.5, offset=-1)(inputs), training=False)
    values = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(values))
    return keras.Model(inputs, _classifier()(values))


def _lite0() -> keras.Model:
    """EfficientNet-Lite0 (https://github.com/tensorflow/tpu), with normalization frozen."""

    def convolution(values: Any, layer: layers.Layer, *, is_activated: bool = True) -> Any:
        normalize = layers.BatchNormalization(trainable=False)
        values = normalize(layer(values))
        return layers.ReLU(6.0)(values) if is_activated else values

    def pointwise(filters: int) -> layers.Layer:
        return layers.Conv2D(filters, 1, use_bias=False)

    inputs = keras.Input((224, 224, 3))
    scaled = layers.Rescaling(1 / 127, offset=-1)(inputs)
    stem = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)
    values = convolution(scaled, stem)
    for stage in LITE0_STAGES:
        for block in range(stage.num_blocks):
            before, strides = values, 1 if block else stage.stride
            if stage.expansion > 1:
                values = convolution(values, pointwise(values.shape[-1] * stage.expansion))
            depthwise = layers.DepthwiseConv2D(
                stage.kernel_size, strides, padding="same", use_bias=False
            )
            values = convolution(values, depthwise)
            values = convolution(values, pointwise(stage.channels), is_activated=False)
            if strides == 1 and before.shape[-1] == stage.channels:
                values = layers.Add()([values, before])
    values = layers.GlobalAveragePooling2D()(convolution(values, pointwise(1280)))
    return keras.Model(inputs, _classifier()(layers.Dropout(0.2)(values)))


def _classifier() -> layers.Layer:
    return layers.Dense(NUM_CLASSES, activation="softmax")


_SMALL: dict[str, Callable[[], keras.Model]] = {
    "mnist": _mnist,
    "mlp": _mlp,
    "cifar": _cifar,
    "xception": _xception,
    "convmixer": _convmixer,
    "vit": _vit,
    "resnet20": _resnet20,
    "cct": _cct,
    "transfer": _transfer,
    "lite0": _lite0,
}
