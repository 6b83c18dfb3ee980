"""Fusions: the same mathematics with less work, and only where it is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
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


def activated(activation: str, **options: Any) -> Any:
    return keras.Sequential(
        [
            keras.Input((9, 8, 16)),
            layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation(activation),
            layers.DepthwiseConv2D(3, padding="same", activation=activation, **options),
            layers.Conv2D(8, 1, activation=activation),
            layers.Conv2D(4, 1),  # the last layer is always in float32
        ]
    )


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("activation", ["relu", "relu6", "hard_silu", "silu", "gelu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_activations_are_part_of_convolutions_in_evaluations(
    activation: str, dtype: torch.dtype, strides: int
) -> None:
    keras.utils.set_random_seed(0)
    model = activated(activation, strides=strides)
    for weight in model.weights:
        weight.assign(torch.rand(weight.shape) + (0.5 if "variance" in weight.path else -0.5))
    evaluation = compile_program(model, training=False, dtype=dtype)
    if activation != "gelu":
        # The rounding of float32 is Keras's where no normalization was folded in.
        num_fused = 3 if dtype is torch.bfloat16 else 1
        assert len(kinds(evaluation)) == 7 - num_fused
    training = compile_program(model, training=True, dtype=dtype)
    assert not any(getattr(n.operation, "activation", None) for n in training.nodes if n.layer
                   and not isinstance(n.layer, layers.BatchNormalization))  # fmt: skip
    x = torch.rand(3, 9, 8, 16)
    with torch.no_grad():
        exact = keras.ops.convert_to_tensor(model(x, training=False))
        found = evaluation([x.to(dtype)])[0]
    error = float((found.float() - exact).abs().max() / exact.abs().max())
    assert error < (1e-5 if dtype is torch.float32 else 0.02)


@pytest.mark.parametrize("activation", ["relu", "relu6", "hard_silu", "silu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_value_that_is_no_number_is_not_hidden_by_an_activation(
    activation: str, dtype: torch.dtype
) -> None:
    model = activated(activation)
    model.layers[0].kernel.assign(torch.full((3, 3, 16, 32), torch.nan))
    with torch.no_grad():
        (found,) = compile_program(model, training=False, dtype=dtype)([torch.rand(1, 9, 8, 16)])
    assert bool(found.isnan().all())


@pytest.mark.parametrize("layer", [layers.Conv2D, layers.DepthwiseConv2D])
def test_zeros_around_images_are_part_of_a_convolution(layer: Any) -> None:
    keras.utils.set_random_seed(0)
    convolution = layer(16, 3, strides=2) if layer is layers.Conv2D else layer(3, strides=2)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 16)),
            layers.ZeroPadding2D(((0, 1), (2, 1))),
            convolution,
            layers.Conv2D(16, 1),
        ]
    )
    x, towards = torch.rand(2, 8, 8, 16), torch.rand(2, 4, 5, 16)

    def results(training: bool, dtype: torch.dtype) -> list[torch.Tensor]:
        program = compile_program(model, training=training, dtype=dtype)
        images = x.to(dtype).requires_grad_()
        (output,) = program([images])
        values = [images, convolution.weights[0].value]
        return [output, *torch.autograd.grad(output.float(), values, towards)]

    program = compile_program(model, training=True, dtype=torch.bfloat16)
    assert kinds(program) == ["Convolution", "Convolution"]
    for training in (True, False):
        pairs = zip(results(training, torch.bfloat16), results(True, torch.float64), strict=True)
        for found, exact in pairs:
            assert float((found.double() - exact).abs().max() / exact.abs().max()) < 0.01
