"""Fusions: the same mathematics with less work, and only where it is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import clearsight
from clearsight.engine.program.compilation import compile_program
from clearsight.engine.program.program import Program
from clearsight.models.backend import keras

layers = keras.layers


def kinds(program: Program) -> list[str]:
    names = [type(node.operation).__name__ for node in program.nodes]
    return [name for name in names if name != "Permute"]


def network(*middle: Any, padding: str = "valid") -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2, padding=padding),
            *middle,
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_relu_moves_behind_the_pooling_and_the_softmax_is_left_out() -> None:
    program = compile_program(network(), training=False, dtype=torch.float32)
    assert kinds(program) == ["Convolution", "Pooling", "Relu", "Function", "Function"]
    exact = compile_program(network(), training=True, dtype=torch.float32)
    assert kinds(exact) == ["Convolution", "Relu", "Pooling", "Function", "Function"]
    assert program.ends_in_softmax
    assert exact.ends_in_softmax
    joined = compile_program(network(), training=True, dtype=torch.bfloat16)
    assert kinds(joined) == ["PooledConvolution", "Function", "Function"]  # flatten, dense


def test_a_relu_whose_values_are_used_elsewhere_stays_where_it_is() -> None:
    inputs = keras.Input((8, 8, 2))
    values = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    pooled = layers.GlobalAveragePooling2D()(layers.MaxPooling2D(2)(values))
    both = layers.Concatenate()([pooled, layers.GlobalMaxPooling2D()(values)])
    model = keras.Model(inputs, layers.Dense(3, "softmax")(both))
    program = compile_program(model, training=True, dtype=torch.float32)
    assert kinds(program)[:3] == ["Convolution", "Relu", "Pooling"]


def test_normalization_is_folded_for_evaluation_and_follows_its_statistics() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    clearsight.accelerate(model, "float32")
    training = compile_program(model, training=True, dtype=torch.float32)
    evaluation = compile_program(model, training=False, dtype=torch.float32)
    assert len(training.nodes) - len(evaluation.nodes) == 2
    x = np.random.default_rng(0).random((5, 8, 8, 2), dtype="float32")
    for _ in range(2):
        for variable in model.weights:
            low = 0.5 if "variance" in variable.path else -0.5
            variable.assign(torch.rand(variable.shape) + low)
        expected = keras.ops.convert_to_numpy(model(x, training=False))
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)  # pyright: ignore


def test_predictions_are_the_same_in_batches_of_any_size() -> None:
    keras.utils.set_random_seed(0)
    model = clearsight.accelerate(network(), "float32")
    x = np.random.default_rng(0).random((70, 8, 8, 2), dtype="float32")
    at_once = model.predict(x, verbose=0)  # pyright: ignore
    for size in (1, 32, 70):
        in_batches = model.predict(x, batch_size=size, verbose=0)  # pyright: ignore
        np.testing.assert_allclose(in_batches, at_once, atol=1e-6)
