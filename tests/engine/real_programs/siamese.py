"""A siamese network: two images pass one encoder, whose outputs should be near or far."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearsight.models.backend import keras

layers, ops = keras.layers, keras.ops


class Distance(layers.Layer):
    """The Euclidean distance between two encodings."""

    def call(self, first: Any, second: Any) -> Any:
        total = ops.sum(ops.square(first - second), axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(total, 1e-7))


def contrastive_loss(y_true: Any, y_pred: Any) -> Any:
    return ops.mean((1 - y_true) * ops.square(y_pred) + y_true * ops.square(ops.relu(1 - y_pred)))


def make() -> Any:
    image = keras.Input((12, 12, 1))
    hidden = layers.BatchNormalization()(layers.Conv2D(4, 5, activation="tanh")(image))
    hidden = layers.Flatten()(layers.AveragePooling2D(2)(hidden))
    encoding = layers.Dense(5, "tanh", activity_regularizer="l2")(hidden)
    encoder = keras.Model(image, encoding)
    first, second = keras.Input((12, 12, 1), name="first"), keras.Input((12, 12, 1), name="second")
    distance = Distance()(encoder(first), encoder(second))
    output = layers.Dense(1, "sigmoid")(layers.BatchNormalization()(distance))
    return keras.Model([first, second], output)


def train(model: Any) -> Any:
    generator = np.random.default_rng(0)
    pairs = [generator.random((32, 12, 12, 1)) for _ in range(2)]
    y = generator.integers(0, 2, 32) * 1.0
    model.compile("adam", contrastive_loss, metrics=["accuracy"])
    history = model.fit(pairs, y, epochs=3, batch_size=8, validation_data=(pairs, y), verbose=0)
    by_name = model.predict({"first": pairs[0], "second": pairs[1]}, verbose=0)
    return [history.history, by_name]
