"""Planted faults are found, counted and described; clean images raise no alarm."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from clearsight.data.health import CHECKS
from clearsight.data.health import similar_pairs as similar_pairs_module
from clearsight.data.health.finding import SEVERITIES, Finding
from clearsight.data.health.image_pool import ImagePool
from clearsight.data.image_set import ImageSet
from clearsight.data.listing import BadFile
from clearsight.data.load_report import LoadReport
from clearsight.data.splits.splits import Splits
from clearsight.errors import MissingExtraError
from support.image_copies import COPIES, blank_splits, compress, with_images


@pytest.fixture(scope="module")
def splits(fashion: tuple[ImageSet, ImageSet]) -> Splits:
    """3,000 training and 1,000 test images, which contain no duplicates of their own."""
    train, test = fashion
    return Splits(train.take(slice(20_000, 23_000)), test.first(1_000))


def found(splits: Splits, name: str, **options) -> dict[str, Finding]:
    return {one.id: one for one in CHECKS[name].run(ImagePool(splits, **options))}


def test_clean_images_have_no_problem(splits: Splits) -> None:
    for name in CHECKS:
        for finding in found(splits, name).values():
            assert finding.severity != "problem", finding
            assert finding.count < 0.01 * len(splits.train), finding


@pytest.mark.parametrize("name", CHECKS)
def test_every_finding_has_the_same_form(splits: Splits, name: str) -> None:
    """Run on images with all faults at once."""
    assert splits.test is not None
    train = with_images(splits.train, dict.fromkeys(range(40), splits.train.images[99]))
    is_trouser = (train.labels == 1)[:, None, None, None]
    colours = np.repeat(np.where(is_trouser, np.uint8(250), train.images), 3, axis=-1)
    broken = Splits(
        replace(train, images=colours),
        replace(splits.test, images=255 - np.repeat(splits.test.images, 3, axis=-1)),
        load_report=LoadReport(bad_files=(BadFile("a.jpg", "a.jpg is cut short."),), num_listed=9),
    )
    for finding in found(broken, name).values():
        assert finding.severity in SEVERITIES
        assert finding.count <= finding.total
        assert not finding.message.endswith(".")
        assert finding.advice.endswith(".")
        assert finding.sentence.count(". ") == 0, "one sentence for the notes"


def test_all_exact_duplicates_across_parts_are_found(splits: Splits) -> None:
    generator = np.random.default_rng(0)
    places = generator.choice(1_000, 50, replace=False)
    sources = generator.choice(3_000, 50, replace=False)
    assert splits.test is not None
    copies = {
        int(place): splits.train.images[source]
        for place, source in zip(places, sources, strict=True)
    }
    leaky = Splits(splits.train, with_images(splits.test, copies))
    finding = found(leaky, "exact-duplicates")["exact-duplicates-test"]
    assert (finding.count, finding.total, finding.severity) == (50, 1_000, "problem")
    for example in finding.cases:
        one, other = example.images
        assert (one.part, other.part) == ("train", "test")
        assert copies[other.index] is not None
        assert np.array_equal(splits.train.images[one.index], copies[other.index])
    assert "near-duplicates-test" not in found(leaky, "near-duplicates"), "reported once is enough"
    differing = np.mean(splits.train.labels[sources] != splits.test.labels[places])
    conflicts = found(leaky, "exact-duplicates")["exact-duplicates-labels"]
    assert conflicts.count == round(50 * differing)


def test_near_duplicates_across_parts_are_found(splits: Splits) -> None:
    assert splits.test is not None
    kinds = list(COPIES.values())
    copies = {
        place: kinds[place % len(kinds)](splits.train.images[2 * place]) for place in range(210)
    }
    leaky = Splits(splits.train, with_images(splits.test, copies))
    finding = found(leaky, "near-duplicates")["near-duplicates-test"]
    # At least 95% of 210, plus the few that Fashion-MNIST itself may contain in 4,000 images.
    assert 200 <= finding.count <= 212
    assert finding.severity == "problem"
    known = [
        example for example in finding.cases
        if example.images[0].index == 2 * example.images[1].index
    ]  # fmt: skip
    assert len(known) >= len(finding.cases) - 2


def test_duplicates_within_a_part_and_across_the_validation_split(splits: Splits) -> None:
    last = {2_999: splits.train.images[0], 1: splits.train.images[0]}
    doubled = Splits(with_images(splits.train, last))
    within = found(doubled, "exact-duplicates")
    assert set(within) - {"exact-duplicates-labels"} == {"exact-duplicates-within"}
    assert within["exact-duplicates-within"].count == 2
    split = found(doubled, "exact-duplicates", validation=np.arange(2_400, 3_000))
    assert split["exact-duplicates-validation"].count == 1
    assert split["exact-duplicates-validation"].total == 600
    assert split["exact-duplicates-within"].count == 1
    pair = split["exact-duplicates-validation"].cases[0].images
    assert [(one.part, one.index) for one in pair] == [("train", 0), ("train", 2_999)]


def test_too_many_images_are_not_compared_and_that_is_reported(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert similar_pairs_module.MAX_IMAGES == 200_000
    for module in ("image_pool", "duplicates"):
        monkeypatch.setattr(f"clearsight.data.health.{module}.MAX_IMAGES", 3_999)
    finding = found(splits, "near-duplicates")["near-duplicates-not-searched"]
    assert finding.message == (
        "There are more than 3,999 images, so only exact duplicates were searched for"
    )
    assert found(splits, "near-duplicates", searches_near_duplicates=False) == {}


def test_classes_that_are_rare_or_missing() -> None:
    def part(counts: list[int]) -> ImageSet:
        labels = np.repeat(np.arange(len(counts)), counts)
        images = np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 1), dtype=np.uint8)
        return ImageSet(images, labels, ("cat", "dog", "eel", "fox"))

    splits = Splits(
        part([100, 8, 0, 0]), part([30, 12, 5, 0]), load_report=LoadReport(empty_classes=("gnu",))
    )
    findings = found(splits, "class-balance")
    assert set(findings) == {
        "classes-missing-train", "classes-few-test", "classes-few-train", "class-imbalance",
        "classes-empty",
    }  # fmt: skip
    assert findings["classes-missing-train"].severity == "problem"
    assert "There are no training images of 'eel'" in findings["classes-missing-train"].message
    # Wilson's interval of 90% of 5 images, worked by hand: 0.463 to 0.989.
    assert (
        "with the 5 of 'eel', the 95% interval of an accuracy of 90% would be 53 percentage points"
        in findings["classes-few-test"].message
    )
    assert "'dog (8)'" in findings["classes-few-train"].message
    assert "12 times as many training images (100) as 'dog' (8)" in (
        findings["class-imbalance"].message
    )
    assert findings["classes-empty"].count == 2
    even = Splits(part([50, 40, 45, 30]), part([20, 30, 25, 40]))
    assert found(even, "class-balance") == {}


def test_blank_dark_and_blurred_images(splits: Splits) -> None:
    def blurred(image: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(image[..., 0]).filter(ImageFilter.GaussianBlur(2.5)))[
            ..., None
        ]

    before = {name: one.count for name, one in found(splits, "odd-images").items()}
    train = splits.train
    planted = {number: np.full((28, 28, 1), 40 * number, np.uint8) for number in range(5)}
    planted |= {number: train.images[number] // 8 for number in range(10, 30)}
    sharp = [int(number) for number in np.flatnonzero(np.isin(train.labels, (5, 7, 9)))[30:80]]
    planted |= {number: blurred(train.images[number]) for number in sharp}
    findings = found(Splits(with_images(train, planted), splits.test), "odd-images")
    assert findings["blank-images"].count == 5 + before.get("blank-images", 0)
    assert {one.images[0].index for one in findings["blank-images"].cases} == set(range(5))
    assert findings["dark-images"].count >= 20 + before.get("dark-images", 0) - 5
    assert findings["blurred-images"].count >= 45 + before.get("blurred-images", 0)


def test_images_of_another_shape() -> None:
    splits = blank_splits(num_train=40)
    sizes = np.tile([300, 400], (40, 1))
    sizes[7] = (400, 300)
    turned = Splits(replace(splits.train, original_sizes=sizes))
    finding = found(turned, "odd-images")["odd-shapes"]
    assert finding.count == 1
    assert "usual 1.33, for example one of 300x400 pixels" in finding.message
    assert finding.cases[0].images[0].index == 7
    sizes[::2] = (400, 300)
    mixed = Splits(replace(splits.train, original_sizes=sizes))
    assert "odd-shapes" not in found(mixed, "odd-images"), "there is no usual shape"


def test_inverted_images_and_parts(splits: Splits) -> None:
    assert splits.test is not None
    # If objects reach the border, its median may be neither light nor dark.
    inverted = {number: 255 - splits.train.images[number] for number in range(30)}
    some = Splits(with_images(splits.train, inverted), splits.test)
    finding = found(some, "polarity")["inverted-images"]
    assert 28 <= finding.count <= 31
    assert all(one.images[0].index < 30 for one in finding.cases)
    whole = Splits(splits.train, replace(splits.test, images=255 - splits.test.images))
    finding = found(whole, "polarity")["inverted-test"]
    assert finding.severity == "problem"
    assert (
        "test images are mostly dark on light, but the training images are mostly light on dark"
        in finding.message
    )


def test_grey_stored_as_colour(splits: Splits) -> None:
    def coloured(images: ImageSet) -> ImageSet:
        return replace(images, images=np.repeat(images.images, 3, axis=-1))

    assert splits.test is not None
    grey = Splits(coloured(splits.train), coloured(splits.test))
    assert found(grey, "channels")["grey-stored-as-colour"].count == 4_000
    pixels = grey.train.images.copy()
    pixels[10:, ..., 0] //= 2
    mixed = Splits(replace(grey.train, images=pixels))
    assert found(mixed, "channels")["some-images-grey"].count == 10
    assert found(splits, "channels") == {}


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        (lambda pixels: (pixels > 100).astype(np.uint8), "problem", "are 0 or 1, as if"),
        (lambda pixels: pixels // 16, "warning", "only use the values 0 to 15"),
        (lambda pixels: pixels * 0 + 7, "problem", "are 7"),
    ],
)
def test_values_in_a_small_range(splits: Splits, change, severity: str, words: str) -> None:
    narrow = Splits(replace(splits.train, images=change(splits.train.images)))
    finding = found(narrow, "value-range")["value-range-train"]
    assert finding.severity == severity
    assert words in finding.message


def test_a_background_that_reveals_the_class(splits: Splits) -> None:
    """Coats alone get a background of 60, in their corners too; then every class one of its own."""
    train = splits.train

    def on(backgrounds: np.ndarray) -> Splits:
        floor = backgrounds[train.labels][:, None, None, None]
        return Splits(replace(train, images=np.maximum(train.images, floor)))

    one = np.zeros(10, dtype=np.uint8)
    one[4] = 60
    finding = found(on(one), "background")["background-reveals-class"]
    assert (finding.count, finding.severity) == (1, "warning")
    assert "'Coat'" in finding.message
    assert found(on(np.full(10, 60, dtype=np.uint8)), "background") == {}
    each = found(on(np.arange(0, 200, 20, dtype=np.uint8)), "background")
    assert each["background-reveals-class"].count >= 6
    assert each["background-reveals-class"].severity == "problem"


def objects_on(backgrounds: np.ndarray, num_images: int = 40) -> Splits:
    """Return objects of random colours, of which four of five classes reach the border.

    `backgrounds` are the means of each class's background, (5, 3).
    """
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    shapes = (
        lambda at: (rows > at) & (rows < at + 8),  # from side to side
        lambda at: (columns > at) & (columns < at + 8),
        lambda _: (rows < 16) & (columns < 16),  # in a corner
        lambda _: columns < 16,  # half of the image
        lambda _: (rows - 16) ** 2 + (columns - 16) ** 2 < 100,  # in the middle
    )
    labels = np.arange(5).repeat(num_images)
    images = np.empty((len(labels), 32, 32, 3))
    for image, label in zip(images, labels, strict=True):
        image[:] = backgrounds[label]
        image[shapes[label](generator.integers(2, 22))] = generator.integers(0, 256, 3)
    images += generator.normal(0, 6, images.shape)
    pixels = images.clip(0, 255).astype(np.uint8)
    return Splits(ImageSet(pixels, labels, ("bar", "column", "corner", "half", "disc")))


def test_objects_that_reach_the_border_are_no_background() -> None:
    assert found(objects_on(np.full((5, 3), 200.0)), "background") == {}
    own = np.array([[30, 60, 90], [200, 30, 60], [90, 160, 90], [220, 220, 60], [120, 60, 180]])
    finding = found(objects_on(own), "background")["background-reveals-class"]
    assert (finding.count, finding.severity) == (5, "problem")
    one = np.full((5, 3), 200.0)
    one[2] = 60.0
    finding = found(objects_on(one), "background")["background-reveals-class"]
    assert finding.classes == ("corner",)


def test_without_scikit_learn_the_install_line_is_given(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(MissingExtraError, match=r"The background check .* 'clearsight\[report\]'"):
        found(splits, "background")


def test_bad_files_are_listed() -> None:
    splits = replace(
        blank_splits(),
        load_report=LoadReport((BadFile("a/1.jpg", "it is cut short"),), num_listed=13),
    )
    finding = found(splits, "bad-files")["bad-files"]
    assert (finding.count, finding.total) == (1, 13)
    assert finding.cases[0].images[0].name == "a/1.jpg"


def test_a_jpeg_copy_is_no_exact_duplicate(splits: Splits) -> None:
    noisy = Splits(
        splits.train, with_images(splits.train.first(10), {0: compress(splits.train.images[0])})
    )
    assert found(noisy, "exact-duplicates")["exact-duplicates-test"].count == 9
