"""An accelerated `fit` warns of what `check_fit` finds, and changes nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch

import clearsight
from clearsight.models.backend import keras

layers = keras.layers
SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (96, 8, 8, 1), dtype=np.uint8)
X, Y = (PIXELS / 255).astype("float32"), np.arange(96) % 10
EYE = np.eye(10, dtype="float32")


def network(*first: Any, last: Any = "softmax", units: int = 10, loss: Any = SPARSE) -> Any:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), *first, layers.Flatten(), layers.Dense(units, activation=last)]
    )
    model.compile(optimizer="sgd", loss=loss)
    return clearsight.accelerate(model, precision="float32")


def warned(model: Any, *data: Any, **options: Any) -> list[str]:
    """Fit and return the warnings; errors are Keras's and come after them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with suppress(ValueError, RuntimeError, IndexError):
            model.fit(*data, **{"verbose": 0, "batch_size": 32, "shuffle": False, **options})
    said = [str(each.message) for each in caught if each.category is UserWarning]
    kerass_own = ("Your input ran out of data", "You are using a softmax over axis -1")
    return [each for each in said if not each.startswith(kerass_own)]


def generator(x: Any, y: Any) -> Iterator[Any]:
    while True:
        yield x[:32], y[:32]


class Dataset(keras.utils.PyDataset):
    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return self.x[:32], self.y[:32]


def loader(x: Any, y: Any) -> Any:
    data = torch.utils.data.TensorDataset(torch.as_tensor(x), torch.as_tensor(y))
    return torch.utils.data.DataLoader(data, batch_size=32)


FORMS: dict[str, Callable[[Any, Any], tuple[Any, ...]]] = {
    "arrays": lambda x, y: (x, y),
    "tensors": lambda x, y: (torch.as_tensor(x), torch.as_tensor(y)),
    "generator": lambda x, y: (generator(x, y),),
    "dataset": lambda x, y: (Dataset(x, y),),
    "loader": lambda x, y: (loader(x, y),),
}
MISTAKES: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "no channel axis": ({}, X[..., 0], Y, "without a channel axis, add it with x[..., None]"),
    "another shape": ({}, X[:, :6], Y, "x should have shape (N, 8, 8, 1) for this network"),
    "raw pixels": ({}, PIXELS, Y, "Pixels should be scaled to [0, 1] for this network"),
    "one-hot, sparse loss": ({}, X, EYE[Y], "expects one integer per image, but y is one-hot"),
    "integers, one-hot loss": ({"loss": ONE_HOT}, X, Y, "expects one-hot labels of shape (N, 10)"),
    "labels from one": ({}, X, Y + 1, "they count from 1, use y - 1"),
    "logits": ({"last": None}, X, Y, "but the network ends in logits"),
    "softmax of one": (
        {"units": 1, "loss": "binary_crossentropy"}, X, Y % 2, "A softmax over one unit always",
    ),
    "three classes for one sigmoid": (
        {"units": 1, "last": "sigmoid", "loss": "binary_crossentropy"}, X, Y % 3,
        "expects labels between 0 and 1, but y runs from 0 to 2",
    ),
    "integers, squared error": ({"loss": "mse"}, X, Y, "a number for each of the network's 10"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_warning_per_fit(name: str, form: str) -> None:
    options, x, y, message = MISTAKES[name]
    said = warned(network(**options), *FORMS[form](x, y), steps_per_epoch=2, epochs=2)
    assert len(said) == 1, said
    assert message in said[0]


def fresh(*first: Any, **options: Any) -> Callable[[], Any]:
    return lambda: network(*first, **options)


def adapted(x: Any) -> Any:
    layer = layers.Normalization(axis=None)
    layer.adapt(x)
    return layer


def nested(*inner: Any, trainable: bool = True, bias: float = 0.0) -> Any:
    model = keras.Sequential([keras.Input((8, 8, 1)), *inner])
    model.trainable = trainable
    for weight in model.weights:
        if weight.name == "bias":
            weight.assign(np.full(weight.shape, bias, "float32"))
    return model


class Doubled(layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 2


class OwnLoss(keras.losses.SparseCategoricalCrossentropy):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return super().call(keras.ops.argmax(y_true, -1), y_pred)


def own_loss(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.square(keras.ops.one_hot(y_true, 10) - y_pred), -1)


RIGHT: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "scaled": (fresh(), X, Y),
    "standardized": (fresh(), (X - 0.5) / 0.3, Y),
    "labels in a column": (fresh(), X, Y[:, None]),
    "rescaled inside": (fresh(layers.Rescaling(1 / 255)), PIXELS, Y),
    "normalized first": (fresh(layers.BatchNormalization()), PIXELS, Y),
    "normalized behind a convolution": (
        fresh(layers.Conv2D(4, 3, use_bias=False), layers.BatchNormalization()), PIXELS, Y,
    ),
    "adapted to raw pixels": (lambda: network(adapted(PIXELS)), PIXELS, Y),
    "adapted to scaled pixels": (lambda: network(adapted(X)), X, Y),
    "augmented, then rescaled": (
        fresh(nested(layers.RandomFlip()), layers.Rescaling(1 / 255)), PIXELS, Y,
    ),
    "code of its own": (fresh(Doubled()), PIXELS, Y),
    "a function": (fresh(layers.Lambda(lambda x: x / 255)), PIXELS, Y),
    "frozen": (lambda: network(nested(layers.Conv2D(4, 3), trainable=False)), PIXELS, Y),
    "pretrained": (lambda: network(nested(layers.Conv2D(4, 3), bias=0.1)), PIXELS, Y),
    "regression": (fresh(last=None, units=1, loss="mse"), X, RNG.normal(size=96) * 100),
    "two numbers": (fresh(last=None, units=2, loss="mae"), X, RNG.normal(size=(96, 2))),
    "several labels": (
        fresh(last="sigmoid", loss="binary_crossentropy"), X, RNG.integers(0, 2, (96, 10)),
    ),
    "own loss": (fresh(loss=own_loss), X, Y),
    "a class from Keras's": (fresh(loss=OwnLoss()), X, EYE[Y]),
    "an ignored class": (
        fresh(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)), X, Y - 1,
    ),
    "logits that the loss takes": (
        fresh(last=None, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)), X, Y,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_gets_no_warning(name: str) -> None:
    make, x, y = RIGHT[name]
    assert warned(make(), x, y, sample_weight=np.ones(96), validation_split=0.25) == []


def test_models_with_several_outputs_and_maps_of_labels_get_no_warning() -> None:
    images = keras.Input((8, 8, 1))
    flat = layers.Flatten()(images)
    outputs = {"a": layers.Dense(10)(flat), "b": layers.Dense(1)(flat)}
    two = keras.Model(images, outputs)
    two.compile(loss={"a": "mse", "b": "mse"})
    assert warned(clearsight.accelerate(two), PIXELS, {"a": EYE[Y], "b": Y * 1.0}) == []
    classes_of_pixels = layers.Conv2D(3, 1, activation="softmax")(images)
    segmenting = keras.Model(images, classes_of_pixels)
    segmenting.compile(loss=SPARSE)
    assert warned(clearsight.accelerate(segmenting), X, PIXELS[..., 0] % 3) == []


def test_validation_images_are_checked_when_the_training_images_are_right() -> None:
    assert warned(network(), X, Y, validation_data=(X, Y)) == []
    (said,) = warned(network(), X, Y, validation_data=(PIXELS, Y))
    assert said.startswith("In validation_data: Pixels should be scaled")
    assert len(warned(network(), PIXELS, Y, validation_data=(PIXELS, Y))) == 1


def test_each_fit_warns_and_evaluations_do_not() -> None:
    model = network()
    assert [len(warned(model, PIXELS, Y)) for _ in range(2)] == [1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.evaluate(PIXELS, Y, verbose=0)
        model.predict(PIXELS, verbose=0)
        model.train_on_batch(PIXELS[:8], Y[:8])


def test_the_warning_shows_the_users_line() -> None:
    for form in FORMS.values():
        with pytest.warns(UserWarning, match="Pixels should be scaled") as caught:
            network().fit(*form(PIXELS, Y), verbose=0, steps_per_epoch=1, shuffle=False)
        shown_at = [each.filename for each in caught if each.category is UserWarning]
        assert shown_at == [__file__]


def test_nothing_is_drawn_or_called_twice_for_the_check() -> None:
    asked: list[int] = []

    def batches() -> Iterator[Any]:
        for number in range(4):
            asked.append(number)
            yield PIXELS[:16], Y[:16]

    def trained(model: Any, *data: Any) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        warned(model, *data, epochs=2, **({} if len(data) == 2 else {"steps_per_epoch": 2}))
        return [*model.get_weights(), np.array(torch.rand(3)), np.random.rand(3)]

    def plain() -> Any:
        keras.utils.set_random_seed(0)
        model = network()
        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
        twin.compile(optimizer="sgd", loss=SPARSE)
        return model, twin

    for data in ((PIXELS, Y), (Dataset(PIXELS, Y),)):
        fast, twin = plain()
        for ours, keras_own in zip(trained(fast, *data), trained(twin, *data), strict=True):
            np.testing.assert_array_equal(ours, keras_own)
    fast, _ = plain()
    trained(fast, batches())
    assert asked == [0, 1, 2, 3]
