"""Segmentation: a small U-Net predicts a class for each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearsight.models.backend import keras

layers = keras.layers


def _convolve(values: Any, filters: int) -> Any:
    values = layers.Conv2D(filters, 3, padding="same", use_bias=False)(values)
    return layers.Activation("relu")(layers.BatchNormalization()(values))


def make() -> Any:
    inputs = keras.Input((16, 16, 3))
    first = _convolve(inputs, 4)
    second = _convolve(layers.MaxPooling2D(2)(first), 8)
    up = layers.Conv2D(4, 3, padding="same")(layers.UpSampling2D(2)(second))
    merged = _convolve(layers.Concatenate()([first, up]), 4)
    return keras.Model(inputs, layers.Dense(3, "softmax")(merged))


def train(model: Any) -> Any:
    generator = np.random.default_rng(0)
    x, y = generator.random((24, 16, 16, 3)), np.eye(3)[generator.integers(0, 3, (24, 16, 16))]
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    weights = generator.random((24, 16, 16))
    plain = model.fit(x, y, epochs=2, batch_size=8, verbose=0).history
    weighted = model.fit(x, y, sample_weight=weights, batch_size=8, verbose=0).history
    return [plain, weighted, model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)]
