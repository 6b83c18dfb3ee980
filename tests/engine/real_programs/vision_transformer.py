"""A vision transformer: patches with learned positions, attention, a residual MLP."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearsight.models.backend import keras

layers, ops = keras.layers, keras.ops


class Patches(layers.Layer):
    """Cuts images into patches of 4x4."""

    def call(self, images: Any) -> Any:
        patches = ops.image.extract_patches(images, size=4)
        return ops.reshape(patches, (ops.shape(images)[0], -1, patches.shape[-1]))


class PatchEncoder(layers.Layer):
    """Projects patches and adds an embedding of their position."""

    def __init__(self, num_patches: int, width: int) -> None:
        super().__init__()
        self.num_patches = num_patches
        self.projection = layers.Dense(width)
        self.position = layers.Embedding(num_patches, width)

    def call(self, patches: Any) -> Any:
        positions = ops.expand_dims(ops.arange(self.num_patches), 0)
        return self.projection(patches) + self.position(positions)


def make() -> Any:
    inputs = keras.Input((12, 12, 3))
    augmented = layers.RandomZoom(0.2)(layers.RandomRotation(0.02)(inputs))
    encoded = PatchEncoder(9, 8)(Patches()(augmented))
    for _ in range(2):
        normal = layers.LayerNormalization(epsilon=1e-6)(encoded)
        attended = layers.MultiHeadAttention(2, 4, dropout=0.1)(normal, normal)
        added = layers.Add()([attended, encoded])
        hidden = layers.Dense(16, "gelu")(layers.LayerNormalization(epsilon=1e-6)(added))
        encoded = layers.Add()([layers.Dropout(0.1)(layers.Dense(8)(hidden)), added])
    features = layers.Dropout(0.3)(layers.Flatten()(layers.LayerNormalization()(encoded)))
    return keras.Model(inputs, layers.Dense(5)(features))


def train(model: Any) -> Any:
    generator = np.random.default_rng(0)
    x, y = generator.random((24, 12, 12, 3)), generator.integers(0, 5, 24)
    model.compile(
        keras.optimizers.AdamW(0.005, weight_decay=0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2, name="top")],
    )
    history = model.fit(x, y, epochs=2, batch_size=8, validation_split=0.25, verbose=0).history
    return [history, model.predict(x, verbose=0)]
