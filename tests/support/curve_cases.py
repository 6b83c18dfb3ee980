"""Trainings whose curve has a known meaning, because data and network were chosen so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from support.tiny_images import noise, photographs, skewed_labels, textures

Make = Callable[[int], Splits]
Draw = Callable[[np.ndarray, np.random.Generator], ImageSet]


@dataclass(frozen=True)
class Case:
    """A training, and what its curve must and must not be said to show.

    Attributes:
        name: of the case.
        splits: makes the images for a seed.
        options: of `clearsight.train`; the recipe is the lesson's unless they name another.
        right: findings of which one must be made.
        wrong: findings that would be false.
    """

    name: str
    splits: Make
    options: dict[str, Any]
    right: frozenset[str]
    wrong: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return self.name


def drawn(num_train: int, num_val: int) -> Make:
    """Draw Fashion-MNIST's training images, other ones for each seed."""

    def make(seed: int) -> Splits:
        train, _ = clearsight.load_data("fashion-mnist")
        rows = np.random.default_rng(seed).permutation(len(train))
        first, second = rows[:num_train], rows[num_train : num_train + num_val]
        return Splits(train.take(first), validation=train.take(second))

    return make


def with_shuffled_labels(seed: int) -> Splits:
    splits = drawn(400, 1_000)(seed)
    generator = np.random.default_rng(seed)

    def shuffled(images: ImageSet) -> ImageSet:
        labels = generator.permutation(images.labels)
        return ImageSet(images.images, labels, images.class_names, "shuffled")

    assert splits.validation is not None
    return Splits(shuffled(splits.train), validation=shuffled(splits.validation))


def leaked(seed: int) -> Splits:
    splits = drawn(2_000, 10)(seed)
    return Splits(splits.train, validation=splits.train.take(np.arange(0, 2_000, 3)))


def nearly_leaked(seed: int) -> Splits:
    """Validate on training images a little brighter, which no digest tells to be the same."""
    splits = drawn(2_000, 10)(seed)
    known = splits.train.take(np.arange(0, 2_000, 2))
    brighter = np.minimum(known.images.astype(np.float32) * 1.02 + 1, 255).astype(np.uint8)
    copies = ImageSet(brighter, known.labels, known.class_names, "brighter")
    return Splits(splits.train, validation=copies)


def easy_to_validate(seed: int) -> Splits:
    """Validate on trousers, bags and boots alone, which nobody takes for anything else."""
    splits = drawn(3_000, 6_000)(seed)
    assert splits.validation is not None
    is_easy = np.isin(splits.validation.labels, [1, 8, 9])
    return Splits(splits.train, validation=splits.validation.take(np.flatnonzero(is_easy)))


def two_easy_classes(seed: int) -> Splits:
    """Trousers and ankle boots."""
    splits = drawn(6_000, 4_000)(seed)
    assert splits.validation is not None

    def two(images: ImageSet) -> ImageSet:
        chosen = images.take(np.flatnonzero(np.isin(images.labels, [1, 9])))
        labels = (chosen.labels == 9).astype(np.int64)
        return ImageSet(chosen.images, labels, ("Trouser", "Ankle boot"), "two classes")

    return Splits(two(splits.train), validation=two(splits.validation))


def few(make: Draw, count: int, largest: float = 0.5) -> Make:
    """Draw a few small images of two classes; a fifth of them is held out."""

    def draw(seed: int) -> Splits:
        generator = np.random.default_rng(seed)
        return Splits(make(skewed_labels(count, largest, generator), generator))

    return draw


def _case(name: str, splits: Make, options: dict[str, Any], right: str, wrong: str = "") -> Case:
    return Case(name, splits, options, frozenset(right.split()), frozenset(wrong.split()))


_FINE = "converged still-learning"

CASES: tuple[Case, ...] = (
    _case(
        "a tiny training set",
        drawn(200, 1_000),
        {"epochs": 40},
        "overfitting",
        f"{_FINE} underfitting validation-easier diverged",
    ),
    _case(
        "shuffled labels",
        with_shuffled_labels,
        {"epochs": 60},
        "overfitting",
        f"{_FINE} underfitting validation-easier diverged",
    ),
    _case(
        "a far too small network",
        drawn(3_000, 1_000),
        {"epochs": 25, "model_arguments": {"filters": 2, "dense_units": 3}},
        "underfitting still-learning",
        "overfitting validation-easier diverged",
    ),
    _case(
        "a network held down by its penalty",
        drawn(3_000, 1_000),
        {"epochs": 16, "model_arguments": {"l2": 0.05}},
        "underfitting",
        "overfitting validation-easier diverged",
    ),
    _case(
        "a learning rate 100 times too high",
        drawn(2_000, 1_000),
        {"epochs": 8, "learning_rate": 0.1},
        "diverged unstable",
        f"{_FINE} overfitting",
    ),
    # So few images are overfitted at the right rate too, by 5 to 8 points: to tell such a gap
    # misses the point, but it is there.
    _case(
        "a learning rate 50 times too high",
        drawn(2_000, 1_000),
        {"epochs": 12, "learning_rate": 0.05},
        "diverged unstable",
        "converged",
    ),
    _case(
        "validation images that are trained on",
        leaked,
        {"epochs": 12},
        "validation-easier",
        "overfitting",
    ),
    _case(
        "validation images nearly as trained on",
        nearly_leaked,
        {"epochs": 12},
        "validation-easier",
        "overfitting",
    ),
    _case(
        "strong dropout",
        drawn(3_000, 1_000),
        {"epochs": 8, "model_arguments": {"dropout": 0.8}},
        "validation-easier",
        "overfitting diverged",
    ),
    _case(
        "strong augmentation",
        drawn(3_000, 1_000),
        {"epochs": 8, "recipe_arguments": {"translate_pixels": 5, "cutout_pixels": 14}},
        "validation-easier",
        "overfitting diverged",
    ),
    _case(
        "easy images to validate on",
        easy_to_validate,
        {"epochs": 8},
        "validation-easier",
        "overfitting diverged",
    ),
    _case(
        "too few epochs",
        drawn(4_000, 1_000),
        {"epochs": 3},
        "still-learning",
        "overfitting converged underfitting diverged",
    ),
    _case(
        "a far too low learning rate",
        drawn(3_000, 1_000),
        {"epochs": 6, "learning_rate": 0.00003},
        "still-learning",
        "overfitting converged underfitting diverged",
    ),
    _case(
        "a handful of validation images",
        drawn(2_000, 20),
        {"epochs": 8},
        "too-noisy",
        "overfitting converged underfitting validation-easier diverged unstable",
    ),
    _case(
        "two classes that nobody mixes up",
        two_easy_classes,
        {"epochs": 20},
        "converged",
        "overfitting underfitting validation-easier diverged unstable",
    ),
    _case(
        "the lesson's network trained for long",
        drawn(5_000, 1_500),
        {"epochs": 25},
        "overfitting",
        f"{_FINE} underfitting validation-easier diverged",
    ),
)

_TOO_EARLY = "overfitting converged underfitting diverged unstable validation-easier"
_SMALL = {"model": "lesson", "model_arguments": {"filters": 8, "num_blocks": 2, "dense_units": 16}}

# Few images, skewed classes, one epoch, smoothed labels, each recipe, photographs.
SMALL_CASES: tuple[Case, ...] = (
    *(
        _case(
            f"one epoch of {recipe}",
            few(textures, 300),
            {"recipe": recipe, "epochs": 1, **_SMALL},
            "too-noisy",
            _TOO_EARLY,
        )
        for recipe in ("lesson", "fast", "strong")
    ),
    *(
        _case(
            f"{epochs} epochs of strong with {count} images",
            drawn(count - count // 5, count // 5),
            {"recipe": "strong", "epochs": epochs},
            "still-learning too-noisy",
            _TOO_EARLY,
        )
        for count, epochs in ((800, 2), (1_000, 3))
    ),
    *(
        _case(
            f"{count} noise images, {largest:.0%} of one class, smoothing {smoothing}",
            few(noise, count, largest),
            {
                "epochs": 12,
                "recipe": "lesson",
                "batch_size": 16,
                "recipe_arguments": {"label_smoothing": smoothing},
                **_SMALL,
            },
            "not-above-chance overfitting too-noisy",
            "diverged converged unstable",
        )
        for count, largest, smoothing in ((200, 0.95, 0.1), (200, 0.95, 0.0), (60, 0.8, 0.3))
    ),
    *(
        _case(
            f"{count} {make.__name__} with smoothing {smoothing}",
            few(make, count),
            {
                "epochs": 10,
                "recipe": "lesson",
                "batch_size": 16,
                "recipe_arguments": {"label_smoothing": smoothing},
                **_SMALL,
            },
            "still-learning too-noisy converged overfitting not-above-chance underfitting",
            "diverged unstable",  # patches of a photograph may overlap, so "leaked" may be true
        )
        for make, count, smoothing in (
            (photographs, 20, 0.0),
            (photographs, 100, 0.1),
            (photographs, 300, 0.3),
            (textures, 40, 0.3),
            (textures, 150, 0.0),
            (textures, 300, 0.1),
        )
    ),
)
