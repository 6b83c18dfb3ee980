"""Custom layers, as https://keras.io/examples/vision/cct/ defines them."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class LearnedPositions(layers.Layer):
    """Adds a learned vector to each position of (N, positions, width)."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.table = self.add_weight(shape=input_shape[1:], initializer="glorot_uniform")

    def call(self, values: Any) -> Any:
        return values + self.table


class SequencePooling(layers.Layer):
    """A weighted mean over the positions of (N, positions, width), with learned weights."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.attention = layers.Dense(1)
        self.attention.build(input_shape)

    def call(self, values: Any) -> Any:
        weights = ops.softmax(self.attention(values), axis=1)
        return ops.squeeze(ops.matmul(ops.transpose(weights, (0, 2, 1)), values), axis=1)


class StochasticDepth(layers.Layer):
    """Drops a residual branch, for random images (Huang et al. 2016, https://arxiv.org/abs/1603.09382)."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self.generator = keras.random.SeedGenerator()

    def call(self, values: Any, training: bool = False) -> Any:
        if not training or not self.rate:
            return values
        kept = 1 - self.rate
        shape = (ops.shape(values)[0], 1, 1)
        drawn = keras.random.uniform(shape, seed=self.generator)
        return values / kept * ops.floor(kept + drawn)
