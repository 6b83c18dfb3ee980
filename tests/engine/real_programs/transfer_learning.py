"""Transfer learning: a head is trained on a frozen base, then all is fine-tuned more slowly."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearsight.models.backend import keras

layers = keras.layers


def make() -> Any:
    base = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Rescaling(1 / 127.5, offset=-1.0),
            layers.Conv2D(6, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
        ],
        name="base",
    )
    base.trainable = False
    inputs = keras.Input((12, 12, 3))
    features = base(layers.RandomFlip("horizontal")(inputs), training=False)
    pooled = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(features))
    return keras.Model(inputs, layers.Dense(4)(pooled))


def train(model: Any) -> Any:
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 256, (40, 12, 12, 3)) * 1.0, generator.integers(0, 4, 40)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    head = model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25, verbose=0).history
    model.get_layer("base").trainable = True
    model.compile(keras.optimizers.Adam(0.001), loss, metrics=["accuracy"])
    tuned = model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25, verbose=0).history
    return [head, tuned, model.predict(x, verbose=0)]
