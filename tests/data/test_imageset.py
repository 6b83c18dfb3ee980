from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clearsight.data.image_set import ImageSet
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError

IMAGES = np.zeros((4, 8, 8, 1), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES[..., 0], LABELS, r"without a channel axis, add it with images\[\.\.\., None\]"),
        (np.moveaxis(np.zeros((4, 8, 8, 3), np.uint8), -1, 1), LABELS, "they look channels-first"),
        (IMAGES / 255.0, LABELS, r"images should be uint8 from 0 to 255, but are float64"),
        (IMAGES + 0.5, LABELS, r"convert 0 to 1 with np.rint\(\(images - 0\) \* 255\)"),
        (IMAGES - 0.5, LABELS, r"convert -1 to 1 with np.rint\(\(images - -1\) \* 127.5\)"),
        (IMAGES + np.uint16(3_000), LABELS, r"convert 0 to 4095 with .* \* 0.0622711\)"),
        (IMAGES + np.nan, LABELS, "256 of 256 are NaN or infinite"),
        (IMAGES + np.float32(np.inf), LABELS, "are float32. images should have finite"),
        (IMAGES + 1j, LABELS, "but are complex128"),
        (IMAGES > 0, LABELS, r"are bool: convert them with images.astype\('uint8'\) \* 255"),
        ([IMAGES[0], IMAGES[1, :4]], LABELS[:2], "images should form one array, but differ"),
        (np.zeros((8, 8, 4), np.uint8), LABELS, "this looks like one image, add the batch axis"),
        (IMAGES[:0], LABELS[:0], "at least one image"),
        (IMAGES, np.eye(4), r"one-hot with shape \(4, 4\): use labels.argmax\(axis=1\)"),
        (IMAGES, LABELS[:, None], r"use labels\[:, 0\]"),
        (IMAGES, LABELS[:3], "there are 4 images and 3 labels"),
        (IMAGES, LABELS.astype(float), "labels should be integers, but are float64"),
        (IMAGES, LABELS + 1, "between 0 and 2 for 3 classes, but run from 1 to 3: they count"),
        (IMAGES, LABELS - 1, "run from -1 to 1"),
    ],
)
def test_invalid_arrays_are_an_error(images, labels, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageSet(images, labels, ("a", "b", "c"))


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(DataError) as caught:
        ImageSet(IMAGES[..., 0] / 255.0, np.eye(4), ("a", "a"))
    for part in ("channel axis", "uint8", "one-hot", "different from each other"):
        assert part in str(caught.value)


def test_it_is_read_only_and_leaves_the_arrays_given_alone() -> None:
    given = IMAGES.copy()
    images = ImageSet(given, LABELS, ("a", "b", "c"))
    with pytest.raises(ValueError, match="read-only"):
        images.images[0] = 1
    before = images.fingerprint
    given[0] = 1
    assert images.images.max() == 0
    assert replace(images).fingerprint == before


def test_labels_become_int64_and_classes_are_counted() -> None:
    images = ImageSet.from_arrays(IMAGES, LABELS.astype(np.uint8))
    assert images.labels.dtype == np.int64
    assert images.class_names == ("0", "1", "2")
    assert images.class_counts.tolist() == [1, 2, 1]


def test_the_fingerprint_follows_the_content_alone() -> None:
    def fingerprint(images=IMAGES, labels=LABELS, names=("a", "b", "c")) -> str:
        return ImageSet(images, labels, names).fingerprint

    changed = IMAGES.copy()
    changed[3, 7, 7] = 1
    assert fingerprint() == fingerprint(IMAGES.copy(), LABELS.astype(np.int32))
    others = {
        fingerprint(changed),
        fingerprint(IMAGES.reshape(4, 4, 16, 1)),
        fingerprint(labels=LABELS[::-1]),
        fingerprint(names=("a", "b", "d")),
    }
    assert len(others | {fingerprint()}) == 5


def test_first_and_take_keep_images_with_their_labels() -> None:
    images = ImageSet(np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1), LABELS, ("a", "b", "c"))
    assert images.first(9) is images is images.first(None)
    assert images.first(2).labels.tolist() == [0, 1]
    taken = images.take(np.array([3, 0]))
    assert taken.images.ravel().tolist() == [3, 0]
    assert taken.labels.tolist() == [1, 0]


def test_test_images_must_be_of_the_same_kind() -> None:
    train = ImageSet(IMAGES, LABELS, ("a", "b", "c"))
    with pytest.raises(DataError, match="same classes"):
        Splits(train, ImageSet(IMAGES, LABELS, ("a", "b", "d")))
    with pytest.raises(DataError, match="same image shape"):
        Splits(train, ImageSet(IMAGES[:, :4], LABELS, ("a", "b", "c")))
