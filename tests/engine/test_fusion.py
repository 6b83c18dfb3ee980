"""Fusions: the same mathematics with less work, and only where it is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import clearsight
from clearsight.engine.lowering.rectified_pooling import relu_max_pool_2x2
from clearsight.engine.program import Program, compile_program
from clearsight.models.backend import keras

layers = keras.layers


def pictures(count: int, channels: int, height: int, width: int, dtype: Any) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    made = torch.randn((count, channels, height, width), generator=generator).to(dtype)
    return made.contiguous(memory_format=torch.channels_last)


def expected_of(x: torch.Tensor) -> torch.Tensor:
    return functional.relu(functional.max_pool2d(x, 2))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(3, 8, 6, 10), (2, 5, 7, 6), (1, 1, 2, 2), (4, 32, 28, 28)])
def test_relu_and_pooling_in_one_give_torchs_values(dtype: Any, shape: tuple[int, ...]) -> None:
    x = pictures(*shape, dtype)
    pooled = relu_max_pool_2x2(x)
    assert torch.equal(pooled, expected_of(x))
    assert pooled.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        assert torch.equal(relu_max_pool_2x2(x), expected_of(x))


def test_relu_and_pooling_in_one_give_torchs_gradient_where_no_two_values_are_equal() -> None:
    order = torch.randperm(2 * 4 * 6 * 8, generator=torch.Generator().manual_seed(0))
    x = (order.float() - 150).view(2, 4, 6, 8).contiguous(memory_format=torch.channels_last)
    x = (x / 4).bfloat16().requires_grad_()  # 384 different numbers, half of them negative
    towards = pictures(2, 4, 3, 4, torch.bfloat16)
    (expected,) = torch.autograd.grad(expected_of(x), x, towards)
    (found,) = torch.autograd.grad(relu_max_pool_2x2(x), x, towards)
    is_single = x.detach() != 0  # at 0 itself both gradients are 0, in whichever place
    assert torch.equal(found[is_single], expected[is_single])


def test_equal_values_share_no_gradient_twice() -> None:
    x = torch.ones((1, 3, 4, 4), dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(relu_max_pool_2x2(x).sum(), x)
    assert gradient.sum() == 3 * 4  # one of each four gets it
    assert set(gradient.flatten().tolist()) == {0.0, 1.0}


def test_zeros_and_infinities_pool_as_in_torch() -> None:
    values = [0.0, -0.0, -1.0, float("-inf"), float("inf"), 2.0, -3.0, 1e-38]
    x = torch.tensor(values, dtype=torch.bfloat16).view(1, 1, 2, 4)
    x = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(relu_max_pool_2x2(x), expected_of(x))


def kinds(program: Program) -> list[str]:
    return [step.operation.kind for step in program.steps if step.operation.kind != "view"]


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
    program = compile_program(network(), training=True, dtype=torch.float32)
    assert kinds(program) == ["", "max_pool", "relu", "", ""]
    assert program.ends_in_softmax
    joined = compile_program(network(), training=True, dtype=torch.bfloat16)
    assert kinds(joined) == ["", "", "", ""]  # convolution, both in one, flatten, dense


def test_a_relu_whose_values_are_used_elsewhere_stays_where_it_is() -> None:
    inputs = keras.Input((8, 8, 2))
    values = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    pooled = layers.GlobalAveragePooling2D()(layers.MaxPooling2D(2)(values))
    both = layers.Concatenate()([pooled, layers.GlobalMaxPooling2D()(values)])
    model = keras.Model(inputs, layers.Dense(3, "softmax")(both))
    program = compile_program(model, training=True, dtype=torch.float32)
    assert kinds(program)[:3] == ["", "relu", "max_pool"]


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
    assert len(training.steps) - len(evaluation.steps) == 2
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
