"""Options that change nothing, or hardly what was meant, are reported; the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.training.option_notes import option_notes
from clearsight.training.recipes import RECIPES


def notes(
    recipe: str, *, shape: tuple[int, int, int] = (28, 28, 1), num_train: int = 1_000, **given: Any
) -> list[str]:
    settled = RECIPES[recipe].replace(**given)
    return list(option_notes(settled, given, shape, num_train, ["cat", "dog"]))


@pytest.mark.parametrize(
    ("recipe", "given", "expected"),
    [
        ("lesson", {"momentum": 0.5}, "momentum is only used with optimizer=muon"),
        ("strong", {"optimizer": "adam", "momentum": 0.5}, "momentum is only used with"),
        ("lesson", {"warmup": 0.5}, "warmup is only used with schedule=triangular"),
        ("lesson", {"last_factor": 0.5}, "last_factor is only used with schedule=triangular"),
        ("fast", {"min_steps": 500, "epochs": 3}, "min_steps changes nothing"),
        ("lesson", {"patience": 10}, "A patience of 10 epochs cannot end a training of 10"),
        ("lesson", {"batch_size": 2_000}, "A batch of 2,000 images is larger than the training"),
        ("lesson", {"flip_at_test": True}, "on which the network is not trained"),
    ],
)
def test_options_without_effect_are_reported(
    recipe: str, given: dict[str, Any], expected: str
) -> None:
    assert any(expected in note for note in notes(recipe, **given))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 40, 1), ["translate_pixels=1 moves", "shift_at_test=1 averages"]),
        ((40, 1, 3), ["translate_pixels=1", "shift_at_test=1", "one pixel wide, so mirroring"]),
    ],
)
def test_augmentation_of_tiny_images_is_reported(
    shape: tuple[int, int, int], expected: list[str]
) -> None:
    found = notes("strong", shape=shape)
    for part in expected:
        assert any(part in note for note in found), part
    assert any("cutout_pixels=8 can blacken" in note for note in notes("best", shape=(8, 8, 1)))


def test_recipes_have_no_note_of_their_own() -> None:
    for recipe in RECIPES:
        assert notes(recipe) == []


def test_characters_are_not_for_mirroring() -> None:
    digits = [str(number) for number in range(10)]
    (note,) = option_notes(RECIPES["strong"], [], (28, 28, 1), 1_000, digits)
    assert "the classes (0, 1, 2, ...) look like characters" in note


def test_a_run_reports_them(tmp_path: Path) -> None:
    """Together with limits, splits and networks that are not what they seem."""
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8)
    labels = np.arange(60) % 10
    run = clearsight.train(
        (images, labels),
        out=tmp_path / "run",
        recipe="lesson",
        epochs=1,
        model="lesson",
        validation_split=0.02,
        recipe_arguments={"momentum": 0.3, "train_limit": 1_000},
        report=False,
        bundle=False,
        verbose=False,
    )
    for expected in (
        "momentum is only used with optimizer=muon",
        "fewer than the 1,000 requested: all of them are used",
        "10 of 60 training images (17%) are held out for validation, not 2%",
    ):
        assert any(expected in note for note in run.record.notes), expected


def test_a_recipes_network_chosen_by_name_is_not_the_one_it_was_tuned_with(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)
    run = clearsight.train(
        (images, np.arange(40) % 2),
        out=tmp_path / "run",
        recipe="best",
        model="residual",
        model_arguments={"width": 16},
        epochs=1,
        report=False,
        bundle=False,
        verbose=False,
    )
    expected = "add model_arguments={'num_blocks': 2, 'num_stage_blocks': 2}"
    assert any(expected in note for note in run.record.notes)
