"""The test set: chosen by content, so that it stays the same when images come and go."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import clearsight
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import load_splits
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.held_out_test import choose_test_images
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError
from support.command_line import Cli, assert_refused

FRACTIONS = st.floats(0.05, 0.6)


def contents_of(numbers: list[int]) -> np.ndarray:
    """Return one content per number: uint8 (N, 16)."""
    return np.array([[number >> 8, number & 255, *[7] * 14] for number in numbers], np.uint8)


def test_a_fraction_of_every_class_is_held_out() -> None:
    labels = np.arange(10_000) % 4
    held_out = choose_test_images(contents_of(list(range(10_000))), labels, 0.2)
    for label in range(4):
        assert held_out[labels == label].mean() == pytest.approx(0.2, abs=0.03)  # 4 deviations


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=2), FRACTIONS)
def test_equal_images_are_together_and_classes_on_both_sides(
    images: list[tuple[int, int]], fraction: float
) -> None:
    # Numbers of different classes differ, as nearly always.
    numbers = [100 * label + number for label, number in images]
    labels = np.array([label for label, _ in images])
    held_out = choose_test_images(contents_of(numbers), labels, fraction)
    side_of = dict(zip(numbers, held_out, strict=True))
    assert all(side_of[number] == side for number, side in zip(numbers, held_out, strict=True))
    for label in set(labels.tolist()):
        num_contents = len({number for number in numbers if number // 100 == label})
        sides = set(held_out[labels == label].tolist())
        assert sides == ({False, True} if num_contents > 1 else {False})


@pytest.mark.parametrize("num_copies", [1, 400])
def test_many_copies_of_one_image_that_change_the_size_are_a_note(num_copies: int) -> None:
    labels = np.arange(1_000) % 2
    images = np.random.default_rng(0).integers(0, 255, (1_000, 4, 4), np.uint8)
    images[:num_copies] = images[0]
    notes = splits_from_object((images, labels), SourceOptions(test_split=0.2)).load_report.notes
    if num_copies == 1:
        assert notes == ()
    else:
        (note,) = notes
        assert "of 1,000 images" in note
        assert "are held out as the test set, not 20%, because copies of an image stay" in note
        assert note.endswith(
            "together, here up to 400: change test_split=, or give a test set of your own."
        )


def test_a_large_group_that_changes_the_size_is_a_note(tmp_path: Path) -> None:
    lines = ["image,label,patient"]
    for number in range(60):
        Image.fromarray(np.full((5, 5), number, np.uint8)).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]},{min(number, 20)}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    options = SourceOptions(group_column="patient", test_split=0.5)
    first, again = (load_splits(str(tmp_path / "table.csv"), options) for _ in range(2))
    assert first.load_report == again.load_report, "from the cache"
    (note,) = (note for note in first.load_report.notes if "held out" in note)
    assert "because the images of a group stay together, here up to 40" in note


@given(st.lists(st.integers(0, 1000), min_size=3, unique=True), FRACTIONS)
def test_an_image_moves_none_of_another_class(numbers: list[int], fraction: float) -> None:
    labels = np.array([number % 3 for number in numbers])
    before = choose_test_images(contents_of(numbers), labels, fraction)
    for removed in range(min(len(numbers), 5)):
        rest = [*range(removed), *range(removed + 1, len(numbers))]
        after = choose_test_images(contents_of([numbers[i] for i in rest]), labels[rest], fraction)
        others = labels[rest] != labels[removed]
        assert np.array_equal(after[others], before[rest][others])


def test_an_image_moves_no_other_even_of_its_class() -> None:
    numbers = list(range(120))
    labels = np.array([number % 3 for number in numbers])
    before = choose_test_images(contents_of(numbers), labels, 0.2)
    for removed in numbers:
        rest = [number for number in numbers if number != removed]
        after = choose_test_images(contents_of(rest), labels[rest], 0.2)
        assert np.array_equal(after, before[rest])


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), min_size=10, max_size=120), FRACTIONS
)
def test_a_group_stays_on_one_side(images: list[tuple[int, int]], fraction: float) -> None:
    labels = np.array([label for label, _ in images])
    groups = [f"patient {group}" for _, group in images]
    contents = contents_of(list(range(len(images))))
    held_out = choose_test_images(contents, labels, fraction, groups)
    sides = {group: held_out[groups.index(group)] for group in groups}
    assert all(sides[group] == side for group, side in zip(groups, held_out, strict=True))
    assert all((~held_out[labels == label]).any() for label in set(labels.tolist()))


def test_groups_keep_their_side_when_others_come() -> None:
    groups = [f"patient {number // 5}" for number in range(300)]
    labels = np.arange(300) % 2
    contents = contents_of(list(range(300)))
    before = choose_test_images(contents[:250], labels[:250], 0.2, groups[:250])
    after = choose_test_images(contents, labels, 0.2, groups)
    assert np.array_equal(after[:250], before)
    assert after.mean() == pytest.approx(0.2, abs=0.15)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 40 small images each."""
    for label, name in enumerate("ab"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(40):
            pixels = np.random.default_rng([label, number]).integers(0, 255, (9, 9, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{number:02}.png")
    return tmp_path / "set"


def names_held_out(splits: Splits) -> set[str]:
    """Return the names of the test images."""
    assert splits.test is not None
    return set(splits.test.names or ())


def test_the_test_set_of_a_folder_stays_when_images_come_and_go(folder: Path) -> None:
    before = names_held_out(load_splits(str(folder)))
    assert 4 <= len(before) <= 30
    assert names_held_out(load_splits(str(folder), SourceOptions(image_size=(5, 5)))) == before
    Image.new("RGB", (9, 9), "red").save(folder / "a" / "0-new.png")
    assert names_held_out(load_splits(str(folder))) - {"a/0-new.png"} == before
    (folder / "b" / "99-bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    for name in ("a/03.png", "b/17.png"):
        (folder / name).unlink()
    left = load_splits(str(folder), SourceOptions(allow_bad=True))
    assert names_held_out(left) - {"a/0-new.png"} == before - {"a/03.png", "b/17.png"}
    shutil.copy(folder / sorted(before)[-1], folder / "b" / "copy.png")
    assert "b/copy.png" in names_held_out(load_splits(str(folder)))


def test_images_keep_their_names_when_test_images_are_moved_behind(folder: Path) -> None:
    (folder / "a" / "99-bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    for _ in range(2):  # decoded, and from the cache
        splits = load_splits(str(folder))
        assert sum(map(len, splits.parts.values())) == 80
        for images in splits.parts.values():
            height, width, channels = images.image_shape
            preparation = Preparation(height, width, channels, alpha_background=255)
            assert images.names is not None
            for name, pixels, label in zip(images.names, images.images, images.labels, strict=True):
                assert np.array_equal(preparation.read(folder / name).pixels, pixels)
                assert images.class_names[label] == name[0]


@pytest.mark.parametrize("parts", [("train", "val"), ("train",)])
def test_folders_without_a_test_set_get_one(folder: Path, parts: tuple[str, ...]) -> None:
    divided = folder.with_name("divided")
    for number, part in enumerate(parts):
        for path in sorted(folder.glob("*/*.png"))[number :: len(parts)]:
            target = divided / part / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    splits = load_splits(str(divided), SourceOptions(test_split=0.3))
    assert splits.test is not None
    assert all(name.startswith("train/") for name in splits.test.names or ())
    assert ("validation" in splits.parts) == ("val" in parts)
    assert sum(map(len, splits.parts.values())) == 80
    assert 0.15 < len(splits.test) / (len(splits.train) + len(splits.test)) < 0.45


def test_arrays_without_a_test_set_get_one(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 255, (100, 6, 6), np.uint8)
    y = np.arange(100) % 2
    np.savez(tmp_path / "a.npz", x_train=x[:80], y_train=y[:80], x_val=x[80:], y_val=y[80:])
    splits = load_splits(str(tmp_path / "a.npz"))
    assert splits.validation is not None
    assert len(splits.validation) == 20
    assert splits.test is not None
    assert len(splits.train) + len(splits.test) == 80
    assert splits_from_object((x, y)).test is None
    of_arrays = splits_from_object((x[:80], y[:80]), SourceOptions(test_split=0.2))
    assert of_arrays.test is not None
    assert np.array_equal(of_arrays.test.digests, splits.test.digests)


def test_a_split_that_cannot_apply_is_refused(folder: Path, cli: Cli, tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        shutil.copytree(folder, tmp_path / "whole" / part)
    whole = str(tmp_path / "whole")
    with pytest.raises(DataError, match=r"has its own 80 test images.*test_split=0.3 cannot"):
        clearsight.load_data(whole, test_split=0.3)
    assert_refused(cli("data", "show", whole, "--test-split", "0.3"), "its own 80 test images")
    assert_refused(cli("data", "check", "digits", "--test-split", "0.1"), "its own 359 test images")
    refused = cli("train", whole, "--validation-split", "0.3", "--out", str(tmp_path / "run"))
    assert_refused(refused, "whole has its own 80 validation images", "--validation-split 0.3")
    assert not (tmp_path / "run").exists()
    test = np.zeros((4, 6, 6), np.uint8), np.arange(4) % 2
    with pytest.raises(DataError, match="has its own 4 test images"):
        clearsight.train((test, test), test_split=0.5, verbose=False)
    assert load_splits("digits", SourceOptions(test_split=0.0)).test is not None
