"""Heat maps are where the evidence is known to be, and computing them changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.engine.runtime.precision import set_policies
from clearsight.errors import ModelError
from clearsight.evaluation.saliency.deletion_check import run_deletion_check
from clearsight.evaluation.saliency.heat_maps import compute_heat_maps
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.models.backend import keras
from support.coloured_squares import (
    OTHER,
    planted_images,
    planted_network,
    predictor,
    prepared,
)

layers = keras.layers


@pytest.mark.parametrize("family", ["lesson", "residual"])
def test_planted_evidence_is_marked_and_passes_the_check(family: str) -> None:
    model = planted_network(family)
    images, labels = planted_images(24, seed=1)
    predict = predictor(model)
    assert np.mean(predict(images).argmax(axis=1) == labels) > 0.9
    found = compute_heat_maps(LayerOutputs(model), prepared(images), labels)
    assert found.maps.dtype == np.float32
    assert found.maps.shape == images.shape[:3]
    assert found.maps.max(axis=(1, 2)) == pytest.approx(1)
    total = found.maps.sum()
    # The quarter of the image that holds the square: constant maps would give 0.25, and those of
    # 4x4 positions whose receptive fields overlap reach past it.
    assert found.maps[:, :8, 8:].sum() / total > 0.5
    assert found.maps[OTHER].sum() / total < 0.1
    check = run_deletion_check(predict, images, found)
    assert check.is_meaningful
    assert "matter more than random ones" in check.verdict
    assert "and more than the regions that differ most" in check.verdict


def test_before_a_linear_layer_the_map_is_each_positions_part_of_the_logit() -> None:
    keras.utils.set_random_seed(1)
    convolution = layers.Conv2D(4, 3, padding="same", activation="relu")
    dense = layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((6, 5, 2)), convolution, layers.Flatten(), dense])
    images = np.random.default_rng(0).random((4, 6, 5, 2), dtype=np.float32)
    activation = keras.ops.convert_to_numpy(convolution(images))
    kernel = keras.ops.convert_to_numpy(dense.kernel)[:, 2].reshape(6, 5, 4)
    part = np.maximum((activation * kernel).sum(axis=-1), 0)
    found = compute_heat_maps(LayerOutputs(model), images, np.full(4, 2))
    np.testing.assert_allclose(
        found.maps, part / part.max(axis=(1, 2), keepdims=True), atol=1e-5, rtol=0
    )
    assert found.layer_name == convolution.name
    assert found.grid == (6, 5)


def network_with_state() -> Any:
    keras.utils.set_random_seed(2)
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 1)), layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5),
        ],
        name="inner",
    )  # fmt: skip
    images = keras.Input((8, 8, 1))
    values = layers.Flatten()(inner(images))
    return keras.Model(images, layers.Dense(3, "softmax")(values))


def state_of(model: Any) -> list[Any]:
    weights = [variable.value for variable in model.variables]
    return [
        [value.detach().clone() for value in weights],
        [value.requires_grad for value in weights],
        [value.grad for value in weights],
        [layer.training for layer in model._flatten_layers()],
        [len(layer._forward_hooks) for layer in model._flatten_layers()],
        [layer.compute_dtype for layer in model._flatten_layers()],
        torch.get_rng_state(),
    ]


@pytest.mark.parametrize("kind", ["plain", "accelerated", "mixed precision"])
def test_plain_accelerated_and_mixed_agree_and_are_not_changed(kind: str) -> None:
    model = network_with_state()
    images = np.random.default_rng(0).random((3, 8, 8, 1), dtype=np.float32)
    classes = np.array([0, 1, 2])
    expected = compute_heat_maps(LayerOutputs(network_with_state()), images, classes)
    if kind == "accelerated":
        clearsight.accelerate(model, precision="bfloat16")
    if kind == "mixed precision":
        set_policies(model, "bfloat16")
    before = state_of(model)
    found = compute_heat_maps(LayerOutputs(model), images, classes)
    for was, now in zip(before, state_of(model), strict=True):
        if isinstance(was, torch.Tensor):
            assert torch.equal(was, now)
        elif was and isinstance(was[0], torch.Tensor):
            assert all(torch.equal(*pair) for pair in zip(was, now, strict=True))
        else:
            assert was == now
    np.testing.assert_allclose(found.maps, expected.maps, atol=1e-5, rtol=0)
    assert expected.maps.max() == pytest.approx(1)


def test_a_network_without_convolutions_has_no_heat_maps() -> None:
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, "softmax")])
    with pytest.raises(ModelError, match=r"should have a convolution .* there are no heat maps"):
        compute_heat_maps(LayerOutputs(model), np.zeros((1, 8, 8, 1), np.float32), np.array([0]))


def test_a_subclassed_model_is_refused() -> None:
    class Own(keras.Model):
        def call(self, images: Any) -> Any:
            return images

    with pytest.raises(ModelError, match="should be a Sequential or Functional model"):
        LayerOutputs(Own())
