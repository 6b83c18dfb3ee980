"""The deletion check claims nothing of heat maps that mean nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearsight.evaluation.saliency.class_activation import HeatMaps, heat_maps
from clearsight.evaluation.saliency.deletion import check_by_deletion
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from support.coloured_squares import (
    SIDE,
    planted_images,
    planted_network,
    predictor,
    prepared,
)


def random_maps(count: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).standard_normal((count, 1, 4, 4)).astype(np.float32)
    patches = torch.from_numpy(coarse).clamp(min=0)
    return torch.nn.functional.interpolate(patches, size=(SIDE, SIDE), mode="bilinear")[
        :, 0
    ].numpy()


def test_random_patches_are_rarely_beyond_chance_and_never_worth_a_claim() -> None:
    predict = predictor(planted_network())
    images, labels = planted_images(15, seed=2)
    found = [
        check_by_deletion(
            predict,
            images,
            HeatMaps(random_maps(15, seed), labels, "none", (4, 4)),
            num_random_orders=2,
            seed=seed,
        )
        for seed in range(12)
    ]
    beyond_chance = sum(0 not in check.interval for check in found if check.interval)
    # Of 12 at 5% more than three are beyond chance once in 450 times.
    assert beyond_chance <= 3
    assert not any(check.matters for check in found)
    assert found[0].verdict.startswith("The heat map means nothing here")


@pytest.mark.parametrize("family", ["lesson", "residual"])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_untrained_networks_maps_are_not_claimed_to_matter(family: str, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    options = {"filters": (8, 16), "dense_units": 16} if family == "lesson" else {"width": 16}
    model = build_model(ModelRequest(family, options, (SIDE, SIDE, 3), 3))
    images, _ = planted_images(30, seed=3)
    predict = predictor(model)
    maps = heat_maps(LayerOutputs(model), prepared(images), predict(images).argmax(axis=1))
    check = check_by_deletion(predict, images, maps, num_random_orders=2)
    assert not check.matters, check.verdict


def test_curves_begin_whole_end_gone_and_come_again_with_the_seed() -> None:
    predict = predictor(planted_network())
    images, labels = planted_images(5, seed=4)
    maps = HeatMaps(random_maps(5, 0), labels, "none", (4, 4))
    first, again = (check_by_deletion(predict, images, maps, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.random, again.random)
    whole = predict(images)[np.arange(5), labels]
    for curves in (first.marked, first.random):
        assert curves.shape == (5, len(first.shares))
        np.testing.assert_allclose(curves[:, 0], whole, atol=1e-6)
    np.testing.assert_allclose(first.marked[:, -1], first.random[:, -1], atol=1e-6)
    assert first.differences.mean() == pytest.approx(first.difference)


def test_two_images_tell_nothing() -> None:
    images, labels = planted_images(2, seed=5)
    maps = HeatMaps(random_maps(2, 0), labels, "none", (4, 4))
    check = check_by_deletion(predictor(planted_network()), images, maps)
    assert not check.matters
    assert "cannot be told from 2 images" in check.verdict
