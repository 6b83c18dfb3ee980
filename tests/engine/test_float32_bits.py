"""Trainings in float32 give plain Keras's very bits, whatever layers follow one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clearsight
from clearsight.models.backend import keras

layers = keras.layers


def channel_axis() -> int:
    return 1 if keras.config.image_data_format() == "channels_first" else -1


LAYERS: dict[str, Callable[[], Any]] = {
    "convolution": lambda: layers.Conv2D(16, 3, padding="same"),
    "strided": lambda: layers.Conv2D(16, 3, strides=2, padding="same"),
    "1x1": lambda: layers.Conv2D(16, 1),
    "depthwise": lambda: layers.DepthwiseConv2D(3, padding="same"),
    "separable": lambda: layers.SeparableConv2D(16, 3, padding="same"),
    "dense": lambda: layers.Dense(16, activation="relu"),
    "batch norm": lambda: layers.BatchNormalization(channel_axis()),
    "frozen batch norm": lambda: layers.BatchNormalization(channel_axis(), trainable=False),
    "layer norm": layers.LayerNormalization,
    "group norm": lambda: layers.GroupNormalization(4, channel_axis()),
    "rms norm": layers.RMSNormalization,
    "relu": layers.ReLU,
    "gelu": lambda: layers.Activation("gelu"),
    "silu": lambda: layers.Activation("silu"),
    "mish": lambda: layers.Activation("mish"),
    "tanh": lambda: layers.Activation("tanh"),
    "sigmoid": lambda: layers.Activation("sigmoid"),
    "elu": lambda: layers.Activation("elu"),
    "max": layers.MaxPooling2D,
    "overlapping max": lambda: layers.MaxPooling2D(3, strides=2, padding="same"),
    "average": lambda: layers.AveragePooling2D(2),
    "zeros": layers.ZeroPadding2D,
    "larger": layers.UpSampling2D,
    "dropout": lambda: layers.Dropout(0.3),
}
SMALLER = {"strided", "max", "overlapping max", "average"}
ENDS = (layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
IMAGES = np.random.default_rng(0).normal(size=(48, 12, 12, 16)).astype("float32")
LABELS = np.random.default_rng(1).integers(0, 5, 48)

chains = st.lists(st.sampled_from([*LAYERS]), min_size=1, max_size=6).filter(
    lambda names: sum(name in SMALLER for name in names) < 4
)
# Arrays whose axes were moved are in another order in memory, which Keras's batches keep.
ARRAYS = {
    ("channels_last", "as they are"): IMAGES,
    ("channels_last", "moved"): np.moveaxis(
        np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1)), 1, -1
    ),
    ("channels_first", "as they are"): np.ascontiguousarray(np.moveaxis(IMAGES, -1, 1)),
    ("channels_first", "moved"): np.moveaxis(IMAGES, -1, 1),
}
orders = st.sampled_from([*ARRAYS])


def trained_weights(
    names: list[str], end: Any, order: tuple[str, str], *, is_accelerated: bool
) -> list[np.ndarray]:
    images = ARRAYS[order]
    keras.utils.set_random_seed(0)
    keras.config.set_image_data_format(order[0])
    try:
        stack = [*(LAYERS[name]() for name in names), end(), layers.Dense(5, activation="softmax")]
    finally:
        keras.config.set_image_data_format("channels_last")
    model = keras.Sequential([keras.Input(images.shape[1:]), *stack])
    return weights_after_training(model, images, is_accelerated=is_accelerated)


def weights_after_training(
    model: Any, images: np.ndarray, *, is_accelerated: bool
) -> list[np.ndarray]:
    model.compile("adam", "sparse_categorical_crossentropy")
    if is_accelerated:
        clearsight.accelerate(model, precision="float32")
    model.fit(images, LABELS, epochs=2, batch_size=16, verbose=0)
    return [weight.numpy() for weight in model.weights]


def check_bits(names: list[str], end: Any, order: tuple[str, str]) -> None:
    expected = trained_weights(names, end, order, is_accelerated=False)
    found = trained_weights(names, end, order, is_accelerated=True)
    assert all(map(np.array_equal, found, expected))


def test_a_normalization_decides_how_its_values_lie_in_memory() -> None:
    order = ("channels_last", "as they are")
    check_bits(["max", "rms norm", "batch norm"], layers.Flatten, order)


def test_joined_branches_give_kerass_weights() -> None:
    """In plain Keras pooled values lie in memory otherwise than convolved ones, joined ones not."""
    results = []
    for is_accelerated in (False, True):
        keras.utils.set_random_seed(0)
        inputs = keras.Input(IMAGES.shape[1:])
        branches = [layers.MaxPooling2D(2), layers.Conv2D(8, 3, strides=2, padding="same")]
        values = layers.Concatenate()([branch(inputs) for branch in branches])
        values = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(values))
        model = keras.Model(inputs, layers.Dense(5, activation="softmax")(values))
        results.append(weights_after_training(model, IMAGES, is_accelerated=is_accelerated))
    assert all(map(np.array_equal, *results))


@pytest.mark.filterwarnings("ignore:Keras itself runs")
@settings(max_examples=20)
@given(names=chains, end=st.sampled_from(ENDS), order=orders)
def test_any_chain_of_layers_gives_kerass_weights(
    names: list[str], end: Any, order: tuple[str, str]
) -> None:
    check_bits(names, end, order)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Keras itself runs")
@settings(max_examples=250)
@given(names=chains, end=st.sampled_from(ENDS), order=orders)
def test_many_chains_of_layers_give_kerass_weights(
    names: list[str], end: Any, order: tuple[str, str]
) -> None:
    check_bits(names, end, order)


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm", "clipvalue"])
@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_clipped_gradients_are_kerass(optimizer: Any, clip: str) -> None:
    weights = []
    for is_accelerated in (False, True):
        keras.utils.set_random_seed(0)
        stack = [layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(32, 3), layers.Flatten()]
        model = keras.Sequential(
            [keras.Input(IMAGES.shape[1:]), *stack, layers.Dense(5, activation="softmax")]
        )
        model.compile(optimizer(0.01, **{clip: 0.05}), "sparse_categorical_crossentropy")
        if is_accelerated:
            clearsight.accelerate(model, precision="float32")
        model.fit(IMAGES, LABELS, epochs=2, batch_size=16, verbose=0)
        weights.append([weight.numpy() for weight in model.weights])
    assert all(map(np.array_equal, *weights))


def test_of_equal_probabilities_accuracy_takes_the_first_as_keras_does() -> None:
    images = np.random.default_rng(2).random((500, 8, 8, 1), "float32")
    labels = np.random.default_rng(3).integers(0, 5, 500)
    accuracies = []
    for is_accelerated in (False, True):
        keras.utils.set_random_seed(0)
        tiny = keras.initializers.RandomNormal(stddev=1e-9)
        last = layers.Dense(5, activation="softmax", kernel_initializer=tiny)
        model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), last])
        sgd = keras.optimizers.SGD(0.0)
        model.compile(sgd, "sparse_categorical_crossentropy", metrics=["accuracy"])
        if is_accelerated:
            clearsight.accelerate(model, precision="float32")
        history = model.fit(images, labels, verbose=0).history["accuracy"]
        accuracies.append([*history, model.evaluate(images, labels, verbose=0)[1]])
    assert accuracies[0] == accuracies[1]
