"""Images that are Python objects give the same set, in whatever form they are held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from clearsight.data.image_set import ImageSet
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.errors import DataError

RNG = np.random.default_rng(3)
X = RNG.integers(0, 256, (10, 6, 8, 3), dtype=np.uint8)
GREY = X[..., :1]
Y = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
UNIT = X.astype(np.float32) / 255


class MapStyle:
    """A data set as torch has them: no end but its length, names in `classes`."""

    classes = ("cat", "dog", "emu")

    def __init__(self, images: Any, labels: Any = Y) -> None:
        self._images, self._labels = images, labels

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._images[index % len(self)], self._labels[index % len(self)]


class Eager:
    """A tensor as TensorFlow has them: no array itself, but `numpy()` gives one."""

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)

    def numpy(self) -> np.ndarray:
        return self._values


def batches(images: Any, labels: Any, size: int = 3) -> Iterator[tuple[Any, Any]]:
    for begin in range(0, len(images), size):
        yield images[begin : begin + size], labels[begin : begin + size]


class Twice:
    """An iterable that starts from the beginning each time."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Any]:
        return iter(self._make())


TORCH = torch.from_numpy(X).permute(0, 3, 1, 2)
FORMS = {
    "(x, y)": (X, Y),
    "floats": (UNIT, Y),
    "a list of arrays": ([*X], Y.tolist()),
    "a list of PIL images": ([Image.fromarray(x) for x in X], Y),
    "torch tensors": (TORCH, torch.from_numpy(Y)),
    "float tensors that need a gradient": (torch.tensor(UNIT, requires_grad=True), Y),
    "one-hot": (X, np.eye(3)[Y]),
    "a dict": {"x_train": X, "y_train": Y},
    "an ImageSet": ImageSet.from_arrays(X, Y),
    "Splits": Splits(ImageSet.from_arrays(X, Y)),
    "a TensorDataset": torch.utils.data.TensorDataset(TORCH, torch.from_numpy(Y)),
    "a DataLoader": torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(TORCH.float() / 255, torch.from_numpy(Y)), batch_size=4
    ),
    "batches of eager tensors": Twice(
        lambda: ((Eager(x), Eager(y)) for x, y in batches(X.astype(np.float32), Y, 9))
    ),
    "single pairs": Twice(lambda: zip(X, Y, strict=True)),
    "a generator": zip(X, Y, strict=True),
    "a list of pairs": list(zip(X, Y, strict=True)),
    "pairs with one-hot labels": list(zip(X, np.eye(3)[Y], strict=True)),
    "dicts": [{"image": x, "label": y} for x, y in zip(X, Y, strict=True)],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_images(form: str) -> None:
    train = splits_from_object(FORMS[form]).train
    assert np.array_equal(train.images, X)
    assert np.array_equal(train.labels, Y)
    assert train.class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(x) for x in X],
        [*X],
        [*TORCH],
        [*(TORCH.float() / 255)],
        [*UNIT],
    ],
    ids=["PIL", "uint8", "tensors", "float tensors", "floats"],
)
def test_data_sets_as_torch_has_them_bring_their_class_names(images: Any) -> None:
    train = splits_from_object(MapStyle(images)).train
    assert np.array_equal(train.images, X)
    assert train.class_names == ("cat", "dog", "emu")
    assert train.labels.tolist() == Y.tolist()


def test_grey_images_without_a_channel_axis() -> None:
    for source in (
        (GREY[..., 0], Y),
        MapStyle([*GREY[..., 0]]),
        MapStyle([Image.fromarray(x[..., 0]) for x in GREY]),
        Twice(lambda: batches(GREY[..., 0], Y, 9)),
    ):
        assert np.array_equal(splits_from_object(source).train.images, GREY)


def test_keras_data_sets_bring_their_test_images() -> None:
    splits = splits_from_object(((X, Y[:, None]), (X[:4], Y[:4, None])))
    assert splits.test is not None
    assert np.array_equal(splits.test.images, X[:4])
    assert splits.test.labels.tolist() == [0, 1, 2, 0]


def test_labels_of_both_parts_mean_the_same_class() -> None:
    splits = splits_from_object(((X[:3], ["b", "c", "d"]), (X[:2], ["d", "a"])))
    assert splits.train.class_names == ("a", "b", "c", "d")
    assert splits.train.labels.tolist() == [1, 2, 3]
    assert splits.test is not None
    assert splits.test.labels.tolist() == [3, 0]


def test_dark_images_among_others_keep_their_scale() -> None:
    floats = X.astype(np.float32)
    floats[4:6] = 0
    floats[7] = 1
    train = splits_from_object(MapStyle([*floats])).train
    assert np.array_equal(train.images, floats.astype(np.uint8))
    scaled = np.stack([*UNIT])
    scaled[0] = 0
    assert np.array_equal(splits_from_object(MapStyle([*scaled])).train.images[1:], X[1:])


def test_fractions_up_to_255_are_rounded_and_noted() -> None:
    floats = X[:, :4].astype(np.float32) * 0.9
    splits = splits_from_object(MapStyle([*floats]), SourceOptions(pixel_range=(0, 255)))
    assert np.array_equal(splits.train.images, np.rint(X[:, :4] * 0.9))
    assert splits.pixel_range == (0, 255)


def mixed() -> MapStyle:
    return MapStyle([Image.new("RGB", (5 + i, 9), (200, i, 0)) for i in range(10)])


def test_images_of_several_sizes_are_fitted_where_a_size_is_named() -> None:
    splits = splits_from_object(mixed(), SourceOptions(image_size=(4, 4), resize="stretch"))
    assert splits.train.image_shape == (4, 4, 3)
    assert np.abs(splits.train.images[3, 2, 2].astype(int) - (200, 3, 0)).max() <= 1


def test_grey_and_colour_become_colour_or_what_is_asked_for() -> None:
    images = [Image.new("L", (5, 5), 9), Image.new("RGB", (5, 5), (1, 2, 3))] * 5
    assert splits_from_object(MapStyle(images)).train.images[0, 0, 0].tolist() == [9, 9, 9]
    grey = splits_from_object(MapStyle(images), SourceOptions(channels=1)).train
    assert grey.image_shape == (5, 5, 1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (7, r"The images should be \(x, y\), .* but are 7"),
        ("cats", "but are .cats."),
        (
            mixed(),
            r"one size, but have 10, such as 9x5 and 9x6: choose .* image_size=\(height, width",
        ),
        ([], "at least one image, but there is none"),
        ([(X[0], 0, 1)], r"pair \(image, label\), but item 0 is a tuple of 3"),
        ([X[0], X[1], X[2]], r"but item 0 is uint8 \(6, 8, 3\)"),
        (MapStyle([*(UNIT * np.nan)]), "Image 0 should have finite pixel values, but 144 of 144"),
        (MapStyle(["path.png"] * 10), "Image 0 should be numbers, but is <U8"),
        (MapStyle([*X[..., :2]]), r"should have the shape .* but has \(6, 8, 2\)"),
        (MapStyle([*UNIT[:5], *X[5:].astype(float)]), "5 of 10 images would become a single grey"),
        (Twice(lambda: [(X[:5], Y[:4])]), "one label per image, but batch 0 has images of shape"),
        ((X, Y[:7]), "10 images and 7 labels"),
        ((X, Y[:, None, None]), "one-hot"),
        (([[1, 2], [3]], Y), r"Image 0 should have the shape .* but has \(2,\)"),
        ({"a": X, "b": Y}, "its arrays are a, b"),
        ((X.astype(object), Y), "should be numbers, but is object"),
        ((torch.zeros(10, 3, 6, 8, dtype=torch.bfloat16), Y), "what NumPy can hold"),
        (((X, Y), (X[:, :4], Y)), "same image shape"),
    ],
)
def test_invalid_objects_are_an_error(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        splits_from_object(source)
