"""The deletion check rejects heat maps that mean nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearsight.evaluation.saliency.deletion_check import run_deletion_check
from clearsight.evaluation.saliency.heat_maps import HeatMaps, compute_heat_maps
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


def test_random_patches_are_rarely_significant_and_never_meaningful() -> None:
    predict = predictor(planted_network())
    images, labels = planted_images(15, seed=2)
    found = [
        run_deletion_check(
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
    assert not any(check.is_meaningful for check in found)
    assert found[0].verdict.startswith("The heat maps are not meaningful")


@pytest.mark.parametrize("family", ["lesson", "residual"])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_untrained_networks_heat_maps_are_not_meaningful(family: str, seed: int) -> None:
    keras.utils.set_random_seed(seed)
    options = {"filters": (8, 16), "dense_units": 16} if family == "lesson" else {"width": 16}
    model = build_model(ModelRequest(family, options, (SIDE, SIDE, 3), 3))
    images, _ = planted_images(30, seed=3)
    predict = predictor(model)
    maps = compute_heat_maps(LayerOutputs(model), prepared(images), predict(images).argmax(axis=1))
    check = run_deletion_check(predict, images, maps, num_random_orders=2)
    assert not check.is_meaningful, check.verdict


def test_curves_start_whole_end_blank_and_repeat_with_the_seed() -> None:
    predict = predictor(planted_network())
    images, labels = planted_images(5, seed=4)
    maps = HeatMaps(random_maps(5, 0), labels, "none", (4, 4))
    first, again = (run_deletion_check(predict, images, maps, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.random, again.random)
    whole = predict(images)[np.arange(5), labels]
    for curves in (first.marked, first.random):
        assert curves.shape == (5, len(first.fractions))
        np.testing.assert_allclose(curves[:, 0], whole, atol=1e-6)
    np.testing.assert_allclose(first.marked[:, -1], first.random[:, -1], atol=1e-6)
    assert first.differences.mean() == pytest.approx(first.difference)


def test_two_images_are_too_few() -> None:
    images, labels = planted_images(2, seed=5)
    maps = HeatMaps(random_maps(2, 0), labels, "none", (4, 4))
    check = run_deletion_check(predictor(planted_network()), images, maps)
    assert not check.is_meaningful
    assert "At least three images are needed" in check.verdict
