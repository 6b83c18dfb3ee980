"""Each beginner's mistake, made on real images, gets its message."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import clearsight
from clearsight.data.image_set import ImageSet
from clearsight.errors import FitError
from clearsight.models.backend import keras

layers = keras.layers
SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"


def network(*first: keras.Layer, last: str | None = "softmax", loss: object = SPARSE):
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), *first, layers.Flatten(), layers.Dense(10, activation=last)]
    )
    model.compile(optimizer="adam", loss=loss)
    return model


@pytest.fixture(scope="module")
def digits() -> ImageSet:
    return clearsight.load_data("digits")[0].first(200)


@pytest.fixture(scope="module")
def x(digits: ImageSet) -> np.ndarray:
    return digits.images.astype("float32") / 255


@pytest.fixture(scope="module")
def y(digits: ImageSet) -> np.ndarray:
    return digits.labels


def test_networks_and_data_that_fit_pass(x: np.ndarray, y: np.ndarray) -> None:
    one_hot = keras.utils.to_categorical(y, 10)
    from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    clearsight.check_fit(network(), x, y)
    clearsight.check_fit(network(), x, y[:, None])
    clearsight.check_fit(network(loss=ONE_HOT), x, one_hot)
    clearsight.check_fit(network(loss=keras.losses.CategoricalCrossentropy()), x, one_hot)
    clearsight.check_fit(network(last=None, loss=from_logits), x, y)
    clearsight.check_fit(network(layers.Rescaling(1 / 255)), x * 255, y)
    clearsight.check_fit(network(layers.BatchNormalization()), x * 255, y)
    clearsight.check_fit(network(), (x - 0.29) / 0.35, y)
    clearsight.check_fit(network(last=None, loss="mse"), x, keras.utils.to_categorical(y, 10))


MISTAKES = {
    "no channel axis": (
        {},
        lambda x, y: (x[..., 0], y),
        r"x should have four axes .* without a channel axis, add it with x\[\.\.\., None\]",
    ),
    "another shape": (
        {},
        lambda x, y: (x[:, :6], y),
        r"x should have shape \(N, 8, 8, 1\) for this network, but is float32 \(200, 6, 8, 1\)",
    ),
    "raw pixels": (
        {},
        lambda x, y: (x * 255, y),
        r"Pixels should be scaled to \[0, 1\] for this network, but run from 0 to 255",
    ),
    "scaled twice": (
        {"first": layers.Rescaling(1 / 255)},
        lambda x, y: (x, y),
        "scales pixels 0..255 itself, but they already run from 0 to 1",
    ),
    "one-hot labels, sparse loss": (
        {},
        lambda x, y: (x, keras.utils.to_categorical(y, 10)),
        r"expects one integer per image, but y is one-hot with shape \(200, 10\): use y.argmax",
    ),
    "integer labels, one-hot loss": (
        {"loss": ONE_HOT},
        lambda x, y: (x, y),
        r"expects one-hot labels of shape \(N, 10\), but y has shape \(200,\): use keras.utils",
    ),
    "one-hot of another width": (
        {"loss": ONE_HOT},
        lambda x, y: (x, keras.utils.to_categorical(y, 12)),
        r"One-hot labels should have 10 columns, .* but y has shape \(200, 12\)",
    ),
    "labels from one": (
        {},
        lambda x, y: (x, y + 1),
        "between 0 and 9 for 10 classes, but run from 1 to 10: they count from 1, use y - 1",
    ),
    "negative labels": (
        {},
        lambda x, y: (x, y - 1),
        "y should lie .* but run from -1 to 8: the network ends in 10 units, one per class",
    ),
    "labels beyond the last unit": (
        {},
        lambda x, y: (x, y + 5),
        "but run from 5 to 14: the network ends in 10 units, .* end it in more, or number the",
    ),
    "softmax under from_logits": (
        {"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        lambda x, y: (x, y),
        "has from_logits=True, but the network already ends in probabilities",
    ),
    "logits without from_logits": (
        {"last": None},
        lambda x, y: (x, y),
        r"expects probabilities, but the network ends in logits \(no softmax\)",
    ),
    "text labels": ({}, lambda x, y: (x, y.astype(str)), "y should be numbers, but is text"),
    "half labels": ({}, lambda x, y: (x, y + 0.5), "whole numbers as labels, but y has fractions"),
    "missing labels": (
        {},
        lambda x, y: (x, np.where(y, y, np.nan)),
        "y should hold finite numbers",
    ),
    "no labels": ({}, lambda x, _: (x, None), "y should be an array of numbers, but is NoneType"),
    "missing pixels": ({}, lambda x, y: (x * np.nan, y), "x should hold finite numbers"),
    "a generator": ({}, lambda x, y: (iter(x), y), "x should be an array of numbers, but is"),
    "label rows": ({}, lambda x, y: (x, np.stack([y, y, y], 1)), r"labels of shape \(N,\), but y"),
    "no whole row": (
        {"loss": ONE_HOT},
        lambda x, y: (x, 3 * keras.utils.to_categorical(y, 10)),
        "Each row of one-hot labels should sum to 1",
    ),
    "sigmoid for many classes": (
        {"last": "sigmoid"},
        lambda x, y: (x, y),
        "probabilities that sum to 1, but the network ends in sigmoid",
    ),
    "fewer labels": ({}, lambda x, y: (x, y[:100]), "but x has 200 and y 100"),
    "not compiled": ({"loss": None}, lambda x, y: (x, y), "should be compiled with a loss"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_gets_its_message(x: np.ndarray, y: np.ndarray, name: str) -> None:
    options, spoil, message = MISTAKES[name]
    first = [options["first"]] if "first" in options else []
    rest = {key: value for key, value in options.items() if key != "first"}
    with pytest.raises(FitError, match=message) as caught:
        clearsight.check_fit(network(*first, **rest), *spoil(x, y))
    assert len(caught.value.mistakes) == 1


@pytest.mark.parametrize("loss", [SPARSE, ONE_HOT])
@pytest.mark.parametrize(
    ("last", "found"),
    [
        ([layers.Dense(10, activation="softmax")], "of 8x8 .*Pooling2D"),
        ([layers.Reshape((16, 4)), layers.Dense(10, activation="softmax")], "of 16 .*Pooling1D"),
    ],
)
def test_an_output_for_each_position_is_not_one_for_an_image(
    x: np.ndarray, y: np.ndarray, loss: str, last: list[keras.Layer], found: str
) -> None:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *(layer.__class__.from_config(layer.get_config()) for layer in last),
        ]
    )
    model.compile(loss=loss)
    labels = y if loss == SPARSE else keras.utils.to_categorical(y, 10)
    with pytest.raises(FitError, match=f"a prediction for each {found}"):
        clearsight.check_fit(model, x, labels)
    num_positions = model.output_shape[1:-1]
    of_each = np.broadcast_to(
        labels.reshape(len(y), *[1] * len(num_positions), *labels.shape[1:]),
        (len(y), *num_positions, *labels.shape[1:]),
    )
    clearsight.check_fit(model, x, of_each)  # as in segmentation


def test_images_with_the_channels_last_for_layers_that_take_them_first(
    x: np.ndarray, y: np.ndarray
) -> None:
    convolution = layers.Conv2D(4, 3, padding="same", data_format="channels_first")
    with pytest.raises(FitError, match=r"channels in axis 1 .* keras\.json says so"):
        clearsight.check_fit(network(convolution), x, y)
    model = keras.Sequential([
        keras.Input((1, 8, 8)), layers.Conv2D(4, 3, data_format="channels_first"),
        layers.Flatten(data_format="channels_first"), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(loss=SPARSE)
    clearsight.check_fit(model, np.moveaxis(x, -1, 1), y)


def test_several_mistakes_are_reported_together(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(FitError) as caught:
        clearsight.check_fit(network(last=None), x * 255, y + 1)
    assert len(caught.value.mistakes) == 3


def test_networks_that_cannot_be_checked_are_refused(x: np.ndarray, y: np.ndarray) -> None:
    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    two = keras.Model([first, second], layers.Dense(10)(layers.Flatten()(first + second)))
    two.compile(loss=SPARSE)
    with pytest.raises(FitError, match=r"one input, the images, and one output.* but has 2 and 1"):
        clearsight.check_fit(two, x, y)
    still_open = keras.Sequential([layers.Flatten(), layers.Dense(10, activation="softmax")])
    still_open.compile(loss=SPARSE)
    with pytest.raises(FitError, match="should know its input shape before it is checked"):
        clearsight.check_fit(still_open, x, y)


def test_tensors_with_gradients_and_listed_losses_are_understood(
    x: np.ndarray, y: np.ndarray
) -> None:
    tensor = torch.tensor(x, requires_grad=True)
    clearsight.check_fit(network(loss=[SPARSE]), tensor, torch.tensor(y))
    with pytest.raises(FitError, match="Pixels should be scaled"):
        clearsight.check_fit(network(), tensor * 255, y)


def test_tables_are_not_mistaken_for_images() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile(loss=SPARSE)
    clearsight.check_fit(model, np.full((4, 3), 100.0), np.array([0, 1, 0, 1]))


def test_a_separate_softmax_layer_counts_too(x: np.ndarray, y: np.ndarray) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10), layers.Softmax()]
    )
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(FitError, match="already ends in probabilities"):
        clearsight.check_fit(model, x, y)
