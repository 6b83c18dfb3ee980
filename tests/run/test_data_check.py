"""The whole check, the short one before a training, and what leaks into a test score."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clearsight
from clearsight.data.image_list import read_image_list
from clearsight.data.image_set import ImageSet
from clearsight.data.labels.corrections import correct_labels
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit, choose_validation_split
from clearsight.run.data_check.check import check_data, judge_labels
from clearsight.run.data_check.quick_network import out_of_fold_probabilities, quick_recipe
from clearsight.run.plan.image_check import ImageCheck, check_images
from clearsight.training.recipes.fast import FAST
from support.image_copies import blank_splits, shift_image, with_images


def flipped(images: ImageSet, share: float, seed: int) -> tuple[ImageSet, np.ndarray]:
    """Give some images another label, chosen at random: the set and bool (N,) which."""
    generator = np.random.default_rng(seed)
    wrong = generator.choice(len(images), round(share * len(images)), replace=False)
    labels = images.labels.copy()
    others = generator.integers(1, images.num_classes, len(wrong))
    labels[wrong] = (labels[wrong] + others) % images.num_classes
    is_wrong = np.zeros(len(images), dtype=bool)
    is_wrong[wrong] = True
    return replace(images, labels=labels), is_wrong


def share_found(images: ImageSet, seed: int) -> float:
    """Share of 5% flipped labels in the top 7% of the ranking."""
    spoiled, is_wrong = flipped(images, 0.05, seed)
    errors, _ = judge_labels(spoiled, seed=seed)
    return is_wrong[errors.ranking[: round(0.07 * len(images))]].sum() / is_wrong.sum()


@pytest.mark.slow
def test_flipped_labels_stand_at_the_top(fashion: tuple[ImageSet, ImageSet]) -> None:
    """85 to 88% were found so among the first 2,000 over three seeds; at least 70% is asked for."""
    assert share_found(fashion[0].first(1_000), seed=0) >= 0.7


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_flipped_labels_stand_at_the_top_for_every_seed(
    fashion: tuple[ImageSet, ImageSet], seed: int
) -> None:
    assert share_found(fashion[0].first(3_000), seed) >= 0.7


def test_the_whole_check_finds_what_is_wrong_and_writes_it_down(tmp_path: Path) -> None:
    digits, test = clearsight.load_data("digits")
    assert test is not None
    spoiled, is_wrong = flipped(digits, 0.05, seed=1)
    leaky = with_images(test, {3: digits.images[5], 4: digits.images[6]})
    said: list[str] = []
    checked = check_data(Splits(spoiled, leaky), "digits", announce=said.append)
    values = json.loads(json.dumps(checked.to_json(), allow_nan=False))
    found = {finding["id"]: finding for finding in values["findings"]}
    assert values["findings"][0]["id"] == "exact-duplicates-test", "the gravest first"
    assert found["exact-duplicates-test"]["count"] == 2
    # A quick network finds nearly all and suspects few others: 53 to 61 of 71 where this was
    # measured, all of them within the top 7%.
    suspects = checked.label_errors.suspects
    assert is_wrong[suspects].sum() >= 45
    assert is_wrong[suspects].mean() > 0.8
    assert values["num_suspect_labels"] == found["suspect-labels"]["count"] == len(suspects)
    assert any("network" in words for words in said)

    checked.write_labels(tmp_path / "labels.csv")
    rows = read_image_list(tmp_path / "labels.csv", ("label",), "data check")
    assert [row.index for row in rows] == suspects.tolist()
    corrected = correct_labels(tmp_path / "labels.csv", Splits(spoiled)).train
    assert np.array_equal(corrected.labels, spoiled.labels)
    checked.write_page(tmp_path / "page.html")
    assert "Labels that may be wrong" in (tmp_path / "page.html").read_text()


def test_quick_leaves_the_network_out_and_says_so() -> None:
    checked = check_data(blank_splits(num_train=30), quick=True)
    assert checked.label_errors is None
    assert checked.to_json()["quick_accuracy"] is None
    assert any("--quick" in sentence for sentence in checked.skipped_checks)


@pytest.mark.slow
def test_labels_that_nothing_explains_are_not_judged() -> None:
    """Random images with random labels: the network cannot know better, and does not say so."""
    checked = check_data(blank_splits(num_train=120, classes=4))
    assert not any(finding.id == "suspect-labels" for finding in checked.findings)
    assert any("hardly more than chance" in sentence for sentence in checked.skipped_checks)


@pytest.mark.parametrize("shape", [(5, 5, 1), (40, 70, 3)])
def test_any_size_and_channels_are_judged(shape: tuple[int, int, int]) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = generator.integers(0, 60, (60, *shape)) + 90 * labels[:, None, None, None]
    image_set = ImageSet.from_arrays(np.clip(images, 0, 255).astype(np.uint8), labels)
    probabilities = out_of_fold_probabilities(image_set)
    assert probabilities.shape == (60, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert np.mean(probabilities.argmax(axis=1) == labels) > 0.8
    assert np.array_equal(probabilities, out_of_fold_probabilities(image_set))


@pytest.mark.slow
def test_copies_and_groups_are_judged_by_networks_that_saw_none_of_them() -> None:
    """Random images, each twice under one random label: known by heart they would be right."""
    generator = np.random.default_rng(0)
    images = np.repeat(generator.integers(0, 256, (100, 8, 8, 1), dtype=np.uint8), 2, axis=0)
    labels = np.repeat(generator.integers(0, 4, 100), 2)
    copies = ImageSet(images, labels, ("a", "b", "c", "d"))
    grouped = replace(
        copies,
        images=np.maximum(images, 1) - generator.integers(0, 2, images.shape, dtype=np.uint8),
        groups=tuple(str(number // 2) for number in range(200)),
    )
    for image_set in (copies, grouped):
        judged = out_of_fold_probabilities(image_set).argmax(axis=1)
        assert np.mean(judged == labels) < 0.5


def test_few_images_are_seen_more_often() -> None:
    assert quick_recipe(100).epochs == 12
    assert quick_recipe(100).batch_size == 8
    assert quick_recipe(40_000).epochs == FAST.epochs


def with_leaks(splits: Splits) -> tuple[Splits, ValidationSplit]:
    """Test images 0 and 1 in training, 2 in validation, 3 shifted; one in both of the former."""
    train = splits.train
    split = choose_validation_split(train.labels, 0.2, "tail", 0)
    learned, held = split.train, split.validation
    train = with_images(train, {int(held[7]): train.images[learned[20]]})
    assert splits.test is not None
    test = with_images(
        splits.test,
        {
            0: train.images[learned[3]],
            1: train.images[learned[9]],
            2: train.images[held[0]],
            3: shift_image(train.images[learned[5]], 0, 1),
        },
    )
    return Splits(train, test), split


def test_leaks_are_what_is_learned_from(small_fashion: Splits) -> None:
    splits, split = with_leaks(small_fashion)
    found = check_images(splits, split).leaks
    assert np.flatnonzero(found.test).tolist() == [0, 1, 3]
    assert found.validation.tolist() == [split.validation[7]]
    probabilities = np.eye(10)[splits.test.labels]
    probabilities[[0, 1, 3, 4]] = np.roll(probabilities[[0, 1, 3, 4]], 1, axis=1)
    without = found.accuracy_without(probabilities, splits.test.labels)
    assert without == pytest.approx(496 / 497)


def test_nothing_leaks_in_sound_images(small_fashion: Splits) -> None:
    split = choose_validation_split(small_fashion.train.labels, 0.2, "tail", 0)
    found = check_images(small_fashion, split).leaks
    assert found.num_test == 0
    assert found.accuracy_without(np.eye(10)[:0], np.empty(0)) is None
    assert check_images(small_fashion, split).notes == []


def test_validation_images_of_the_source_are_looked_at_too(small_fashion: Splits) -> None:
    train = small_fashion.train
    held = with_images(train.take(slice(1_500, 2_000)), {11: train.images[2]})
    splits = Splits(train.first(1_500), small_fashion.test, held)
    split = ValidationSplit(np.arange(1_500), np.arange(500), "own")
    assert check_images(splits, split).leaks.validation.tolist() == [11]
    found = [finding.id for finding in check_images(splits, split).findings]
    assert found[0] == "exact-duplicates-validation"
    assert set(found[1:]) <= {"exact-duplicates-labels"}


def test_the_notes_are_few_and_leave_out_what_is_merely_worth_knowing(
    small_fashion: Splits,
) -> None:
    splits, split = with_leaks(small_fashion)
    checked = check_images(splits, split)
    findings, notes = checked.findings, checked.notes
    assert "3 test images of 500 (0.60%) are exact duplicates" in notes[0]
    assert all(note.endswith(".") for note in notes)
    assert not any("within" in finding.id and finding.sentence in notes for finding in findings)
    faults = tuple(replace(findings[0], message=f"fault {number}") for number in range(8))
    many = ImageCheck(faults, checked.leaks).notes
    assert len(many) == 5
    assert many[-1] == "`clearsight data check` lists 4 more findings about the images."


def test_a_training_says_and_counts_what_leaks(small_fashion: Splits, tmp_path: Path) -> None:
    splits, _ = with_leaks(small_fashion)
    run = clearsight.train(
        splits,
        out=tmp_path / "run",
        recipe="lesson",
        epochs=1,
        validation_split=0.2,
        report=False,
        bundle=False,
        verbose=False,
    )
    results = run.results
    assert results.test_leaked_count == 3
    assert results.test_accuracy_without_leaked is not None
    right = results.test_accuracy * 500
    assert right - 3 <= results.test_accuracy_without_leaked * 497 <= right + 1e-6
    assert any("are exact duplicates of training" in note for note in run.record.notes)


def test_a_resumed_run_on_arrays_leaves_the_same_images_out(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,part,index\n,train,3\n,train,8\n")
    generator = np.random.default_rng(0)
    arrays = generator.integers(0, 256, (60, 8, 8), dtype=np.uint8), np.arange(60) % 2
    options = {"report": False, "bundle": False, "verbose": False}
    out, listed = tmp_path / "run", tmp_path / "list.csv"
    run = clearsight.train(
        arrays, recipe="lesson", epochs=1, out=out, remove_list=listed, **options
    )
    assert run.record.data["train"].num_images == 58
    resumed = clearsight.resume(out, data=arrays, epochs=2, **options)
    assert len(resumed.history) == 2
