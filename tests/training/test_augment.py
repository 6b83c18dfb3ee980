"""Flips and translations of training images, from epoch to epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from clearsight.models.backend import keras
from clearsight.training.augment import AugmentedBatches, flip, translate
from clearsight.training.examples import Examples
from clearsight.training.fit import FitData, fit_without_checkpoints
from clearsight.training.recipe import Recipe


def numbered(count: int, size: int = 6) -> np.ndarray:
    """Make images that differ from each other, and in which no two rows or columns are alike."""
    generator = np.random.default_rng(0)
    return generator.integers(1, 256, (count, size, size, 1), dtype="uint8")


def examples(images: np.ndarray) -> Examples:
    """Return all of these images, labelled by their number, as they are."""
    return Examples(images, np.arange(len(images)), np.arange(len(images)), divisor=1.0)


def epoch_of(batches: AugmentedBatches, epoch: int = 0) -> dict[int, np.ndarray]:
    """Collect an epoch's images by their label."""
    found = {}
    batches.epoch = epoch
    for images, labels in batches.get_torch_dataloader():
        for image, label in zip(images.numpy(), labels.numpy(), strict=True):
            found[int(label)] = image
    return found


def recipe(**options: Any) -> Recipe:
    return Recipe(name="test", summary="", batch_size=4, **options)


def test_each_image_is_mirrored_in_every_other_epoch() -> None:
    x = numbered(10)
    keras.utils.set_random_seed(0)
    batches = AugmentedBatches(examples(x), recipe(flip="alternating"))
    first, second, third = (epoch_of(batches, epoch) for epoch in range(3))
    is_mirrored = [np.array_equal(first[k], x[k, :, ::-1]) for k in range(10)]
    assert 0 < sum(is_mirrored) < 10
    for k in range(10):
        assert np.array_equal(first[k], x[k, :, ::-1] if is_mirrored[k] else x[k])
        assert np.array_equal(second[k], first[k][:, ::-1])
        assert np.array_equal(third[k], first[k])


def test_within_fit_the_epochs_alternate() -> None:
    x = numbered(10)
    seen: list[set[bytes]] = []
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    model: Any = keras.Sequential(layers)
    model.compile(loss="mse")

    def step(data: Any) -> dict[str, Any]:
        images = [image.numpy().tobytes() for image in data[0]]
        if not seen or len(seen[-1]) == len(x):
            seen.append(set())
        seen[-1].update(images)
        return {}

    model.train_step = step
    fit_without_checkpoints(
        model, FitData(examples(x), examples(x)), recipe(flip="alternating", epochs=3)
    )
    first, second, third = seen
    assert len(first) == 10
    assert first == third
    assert not first & second


def test_a_resumed_run_mirrors_the_same_images() -> None:
    x = numbered(10)
    keras.utils.set_random_seed(0)
    whole = AugmentedBatches(examples(x), recipe(flip="alternating"))
    epoch_of(whole)
    resumed = AugmentedBatches(examples(x), recipe(flip="alternating"))
    resumed.load_state_dict(whole.state_dict())
    expected, found = epoch_of(whole, 1), epoch_of(resumed, 1)
    for k in range(10):
        assert np.array_equal(found[k], expected[k])


def test_images_move_by_whole_pixels_and_zeros_come_in() -> None:
    keras.utils.set_random_seed(0)
    x = torch.from_numpy(numbered(200)).float()
    moved = translate(x, 2)
    padded = torch.nn.functional.pad(x, (0, 0, 2, 2, 2, 2))
    shifts = set()
    for image, before in zip(moved, padded, strict=True):
        found = [
            (down, right)
            for down in range(5)
            for right in range(5)
            if torch.equal(image, before[down : down + 6, right : right + 6])
        ]
        assert len(found) == 1
        shifts.update(found)
    assert len(shifts) == 25  # each shift of up to two pixels occurs


@pytest.mark.parametrize("most", [1, 5, 9, 30])
def test_images_of_any_shape_move_as_if_padded_by_the_largest_shift(most: int) -> None:
    images = torch.rand(20, 5, 9, 2)
    padded = torch.nn.functional.pad(images, (0, 0, most, most, most, most))
    torch.manual_seed(0)
    moved = translate(images, most)
    torch.manual_seed(0)
    shifts = torch.randint(0, 2 * most + 1, (2, 20)).T.tolist()
    for image, before, (down, right) in zip(moved, padded, shifts, strict=True):
        assert torch.equal(image, before[down : down + 5, right : right + 9])


def test_a_shift_takes_no_more_memory_than_the_images() -> None:
    assert translate(torch.ones(2, 5, 9, 1), 65_535).shape == (2, 5, 9, 1)


def test_only_the_images_asked_for_are_mirrored() -> None:
    x = torch.from_numpy(numbered(3)).float()
    result = flip(x, torch.tensor([False, True, False]))
    assert torch.equal(result[0], x[0])
    assert torch.equal(result[1], x[1].flip(1))


def test_without_augmentation_every_image_comes_once_unchanged() -> None:
    x = numbered(10)
    found = epoch_of(AugmentedBatches(examples(x), recipe()))
    assert sorted(found) == list(range(10))
    assert all(np.array_equal(found[k], x[k]) for k in range(10))
