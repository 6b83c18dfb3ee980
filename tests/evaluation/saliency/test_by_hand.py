"""Layers worked out by hand agree with Keras, and so does what a page computes from the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clearsight.evaluation.saliency.by_hand import ByHand, work_by_hand
from clearsight.evaluation.saliency.hands_on import SlidingWindow
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model

layers = keras.layers
IMAGE = np.random.default_rng(0).random((11, 9, 3), dtype=np.float32)
NETWORKS = {
    "same": (
        layers.Conv2D(12, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
    ),
    "strides": (
        layers.Conv2D(4, (2, 3), strides=2, activation="relu", use_bias=False),
        layers.AveragePooling2D(3, strides=1, padding="same"),
    ),
    "separate": (
        layers.Conv2D(4, 3, dilation_rate=2), layers.MaxPooling2D(2, padding="same"),
        layers.BatchNormalization(), layers.ReLU(),
    ),
    "linear": (layers.Conv2D(3, 3), layers.Activation("gelu")),
    "groups": (layers.Conv2D(6, 3, groups=3, activation="relu"),),
}  # fmt: skip


def network(name: str, image: np.ndarray = IMAGE) -> Any:
    keras.utils.set_random_seed(4)
    stack = [layer.from_config(layer.get_config()) for layer in NETWORKS[name]]
    model = keras.Sequential([keras.Input(image.shape), *stack, layers.Flatten()])
    model.add(layers.Dense(4, activation="softmax"))
    for variable in model.weights:
        if variable.name == "bias":
            variable.assign(keras.random.normal(variable.shape, stddev=0.2))
    return model


def output_of(model: Any, layer: Any, image: np.ndarray) -> np.ndarray:
    return keras.Model(model.inputs, layer.output).predict(image[None], verbose=0)[0]


def slide(window: SlidingWindow, compute: Any) -> np.ndarray:
    """Compute every output value that a page can, float64 (rows, columns, F)."""
    found = np.empty((*window.count, len(window.channels)))
    for row, column, number in np.ndindex(found.shape):
        top, left = row * window.stride[0], column * window.stride[1]
        under = window.values[
            top : top + (window.size[0] - 1) * window.dilation[0] + 1 : window.dilation[0],
            left : left + (window.size[1] - 1) * window.dilation[1] + 1 : window.dilation[1],
        ]
        found[row, column, number] = compute(under, number)
    return found


def part(window: SlidingWindow, output: np.ndarray) -> np.ndarray:
    rows, columns = (
        slice(start, start + count) for start, count in zip(window.first, window.count, strict=True)
    )
    return output[rows, columns][..., window.channels]


def convolved(found: ByHand) -> np.ndarray:
    given = found.convolution
    assert given is not None
    totals = slide(
        given.window,
        lambda under, number: (
            (under.astype(float) * given.kernels[number]).sum() + given.biases[number]
        ),
    )
    return np.maximum(totals, 0) if given.activation == "relu" else totals


@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_is_what_keras_computes(name: str) -> None:
    model = network(name)
    found = work_by_hand(LayerOutputs(model), IMAGE)
    output = output_of(model, model.layers[0], IMAGE)
    assert found.highest.layer_output == pytest.approx(output.max(), abs=1e-5)
    assert (found.relu is None) == (name == "linear")
    if found.relu is not None:
        relu = found.relu
        layer = model.get_layer(relu.layer_name)
        after = output_of(model, layer, IMAGE)
        assert relu.value < 0
        assert relu.output == 0 == after[relu.row, relu.column, relu.channel]
        assert "ReLU changes it to 0" in relu.sentence
        if name == "separate":
            before = output_of(model, model.layers[2], IMAGE)
            assert relu.value == before[..., relu.channel].min()
            assert found.negative is None
        else:
            assert found.negative is not None
            assert found.negative.total == pytest.approx(relu.value, abs=1e-5)
            assert (found.negative.output, found.negative.layer_output) == (0, 0)
    if found.convolution is None:
        assert name == "groups"
    elif name != "linear":
        window = found.convolution.window
        np.testing.assert_allclose(convolved(found), part(window, output), atol=1e-5)
        assert len(window.channels) == min(8, output.shape[-1])
        assert window.channel in window.channels
        assert not window.is_part
    softmax = found.softmax
    assert softmax is not None
    np.testing.assert_allclose(
        softmax.exponentials / softmax.total, model.predict(IMAGE[None], verbose=0)[0], atol=1e-6
    )


@pytest.mark.parametrize("name", ["same", "strides", "separate"])
def test_pooling_is_what_keras_computes(name: str) -> None:
    model = network(name)
    found = work_by_hand(LayerOutputs(model), IMAGE)
    example, given = found.pooling, found.pooling_window
    assert example is not None
    assert given is not None
    output = output_of(model, model.get_layer(example.layer_name), IMAGE)
    assert example.output == output.max()
    assert f"{example.output:.4f}" in example.sentence
    statistic = np.nanmax if given.is_max else np.nanmean
    assert statistic(example.window) == pytest.approx(example.output, abs=1e-6)
    computed = slide(given.window, lambda under, number: statistic(under[..., number]))
    np.testing.assert_allclose(computed, part(given.window, output), atol=1e-6)
    assert example.channel in given.window.channels


def test_of_a_large_image_only_a_part_travels() -> None:
    image = np.random.default_rng(1).random((150, 130, 3), dtype=np.float32)
    model = network("same", image)
    found = work_by_hand(LayerOutputs(model), image)
    assert found.convolution is not None
    assert found.pooling_window is not None
    window = found.convolution.window
    assert window.count == (32, 32)
    assert window.is_part
    for start, first, count in zip(window.start, window.first, window.count, strict=True):
        assert first <= start < first + count
    output = output_of(model, model.layers[0], image)
    np.testing.assert_allclose(convolved(found), part(window, output), atol=1e-5)
    assert found.pooling_window.window.values.size <= 12_000


def test_the_residual_network_has_its_relu_behind_pooling() -> None:
    model = build_model(ModelRequest("residual", {}, (28, 28, 3), 5))
    found = work_by_hand(LayerOutputs(model), np.random.default_rng(2).random((28, 28, 3), "f"))
    assert found.relu is not None
    assert found.relu.layer_name == "stage1_relu"
    assert found.negative is None
    assert found.convolution is not None
    assert found.convolution.activation == "linear"
