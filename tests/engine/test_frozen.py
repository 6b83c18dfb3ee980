"""Networks with a part that is not trained: in float32 all is Keras's bits, with less work.

A training on an in-memory array computes the features of a frozen part once for each image and not
in every epoch, so each case changes something that the features depend on, or could seem to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import clearsight
from clearsight.engine import frozen_features
from clearsight.models.backend import keras
from support.plain_keras import assert_as_in_keras

layers = keras.layers
NUM_IMAGES, BATCH_SIZE, NUM_EPOCHS = 22, 8, 4  # the last batch is smaller


def base(*, drops: bool = False, activation: Any = "relu") -> Any:
    """Make a network that is frozen, with normalization and a residual connection."""
    inputs = keras.Input((12, 12, 3))
    values: Any = layers.Conv2D(8, 3, strides=2, use_bias=False, activation=activation)(inputs)
    shortcut = layers.BatchNormalization()(values)
    values = layers.DepthwiseConv2D(3, padding="same")(shortcut)
    values = layers.BatchNormalization()(values)
    values = layers.ReLU(6.0)(layers.Add()([values, shortcut]))
    if drops:
        values = layers.Dropout(0.5)(values)
    values = layers.Conv2D(12, 1, activation="relu", name="end")(values)
    model = keras.Model(inputs, values, name="base")
    model.trainable = False
    return model


def network(before: Callable[[Any], Any] = lambda images: images, **options: Any) -> Any:
    """Make a frozen network with a head to train, compiled."""
    inputs = keras.Input((12, 12, 3))
    values = layers.GlobalAveragePooling2D()(base(**options)(before(inputs), training=False))
    outputs = layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(values))
    return compiled(keras.Model(inputs, outputs))


def compiled(model: Any) -> Any:
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def spatial() -> Any:
    """Make a network whose features are images, and are used twice."""
    inputs = keras.Input((12, 12, 3))
    features = base()(inputs)
    head = layers.Conv2D(12, 3, padding="same", activation="relu")(features)
    values = layers.Flatten()(layers.Concatenate()([head, features]))
    return compiled(keras.Model(inputs, layers.Dense(3, activation="softmax")(values)))


def frozen_in_the_middle() -> Any:
    inputs = keras.Input((12, 12, 3))
    values = base()(layers.Conv2D(3, 1)(inputs))
    values = layers.GlobalAveragePooling2D()(values)
    return compiled(keras.Model(inputs, layers.Dense(3, activation="softmax")(values)))


def frozen_products(units: int) -> Any:
    products = layers.Dense(units, trainable=False)
    stack = [layers.Rescaling(1 / 255), layers.Flatten(), products, layers.Dense(3, "softmax")]
    return compiled(keras.Sequential([keras.Input((12, 12, 3)), *stack]))


def random_activation(values: Any) -> Any:
    return values * keras.random.uniform(keras.ops.shape(values))


def batch_activation(values: Any) -> Any:
    return values - keras.ops.mean(values, axis=0, keepdims=True)


NETWORKS: dict[str, Callable[[], Any]] = {
    "frozen": network,
    "rescaled": lambda: network(layers.Rescaling(1 / 127.5, offset=-1)),
    "by operations": lambda: network(lambda images: images[..., :3] / 127.5 - 1.0),
    "mixing the batch": lambda: network(batch_activation),
    "augmented": lambda: network(layers.RandomFlip("horizontal", seed=3)),
    "dropout in the base": lambda: network(drops=True),
    "random activation": lambda: network(activation=random_activation),
    "activation over the batch": lambda: network(activation=batch_activation),
    "features that are images": spatial,
    "in the middle": frozen_in_the_middle,
    "frozen products": lambda: frozen_products(20),
    "products that depend on positions": lambda: frozen_products(9),
}


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.random((NUM_IMAGES, 12, 12, 3), dtype="float32") * 255
    return images, random.integers(0, 3, NUM_IMAGES)


def fitted(model: Any, images: np.ndarray, labels: np.ndarray, **options: Any) -> Any:
    options = {"epochs": NUM_EPOCHS, "batch_size": BATCH_SIZE, "verbose": 0, **options}
    history = model.fit(images, labels, **options)
    return history.history, [weight.numpy() for weight in model.weights]


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_frozen_networks_train_as_in_keras(make: Callable[[], Any]) -> None:
    assert_as_in_keras(
        make, lambda model: fitted(model, *data(), class_weight={0: 2.0, 1: 1.0, 2: 1.0})
    )


def freeze_in_turns(model: Any, epoch: int, images: np.ndarray) -> None:
    model.get_layer("base").get_layer("end").trainable = epoch % 2 == 0


def set_weights(model: Any, epoch: int, images: np.ndarray) -> None:
    kernel = model.get_layer("base").get_layer("end").kernel
    kernel.assign(kernel * (1 + epoch))


def set_weights_unseen(model: Any, epoch: int, images: np.ndarray) -> None:
    model.get_layer("base").get_layer("end").kernel.value.data.mul_(1 + epoch)


def change_images(model: Any, epoch: int, images: np.ndarray) -> None:
    images[epoch] *= 0.5


CHANGES = (freeze_in_turns, set_weights, set_weights_unseen, change_images)


class Change(keras.callbacks.Callback):
    """Changes something at the beginning of each epoch, or after each batch."""

    def __init__(self, change: Any, images: np.ndarray, when: str) -> None:
        super().__init__()
        if when == "epochs":
            self.on_epoch_begin = lambda epoch, *_, **__: change(self.model, epoch, images)
        else:
            self.on_train_batch_end = lambda batch, *_, **__: change(self.model, batch, images)


@pytest.mark.parametrize("when", ["epochs", "batches"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_callback_changes_takes_effect(change: Any, when: str) -> None:
    def program(model: Any) -> Any:
        images, labels = data()
        if change is freeze_in_turns:
            model.get_layer("base").get_layer("end").trainable = True
            compiled(model)
        return fitted(model, images, labels, callbacks=[Change(change, images, when)])

    assert_as_in_keras(network, program)


def test_what_a_schedule_changes_takes_effect() -> None:
    def program(model: Any) -> Any:
        images, labels = data()

        def schedule(epoch: int, rate: float) -> float:
            change_images(model, epoch, images)
            return rate

        callbacks = [keras.callbacks.LearningRateScheduler(schedule)]
        return fitted(model, images, labels, callbacks=callbacks)

    assert_as_in_keras(network, program)


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_features_belong_to_one_fit(shuffle: Any) -> None:
    def program(model: Any) -> Any:
        images, labels = data()
        first = fitted(model, images, labels, shuffle=shuffle, initial_epoch=1)
        model.get_layer("base").get_layer("end").trainable = True
        compiled(model)
        second = fitted(model, images, labels, shuffle=shuffle)
        return first, second, fitted(model, images[::-1].copy(), labels, shuffle=shuffle)

    assert_as_in_keras(network, program)


class Convolutions(TorchDispatchMode):
    """Counts the images that convolutions with 12 filters have worked on."""

    num_images = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default and args[1].shape[0] == 12:
            self.num_images += len(args[0])
        return func(*args, **(kwargs or {}))


# One of two batches is computed twice more, to see whether its images' positions matter.
@pytest.mark.parametrize(("most_bytes", "num_passes"), [(2**29, 2), (0, NUM_EPOCHS)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_features_of_whole_batches_are_computed_once(
    precision: Any, most_bytes: int, num_passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen_features, "_MAX_BYTES", most_bytes)
    images, labels = (array[:16] for array in data())
    model = clearsight.accelerate(network(), precision=precision)
    with Convolutions() as counted:
        fitted(model, images, labels)
    assert counted.num_images == 16 * num_passes


def test_kept_features_give_the_same_bits_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained() -> Any:
        keras.utils.set_random_seed(1)
        return fitted(clearsight.accelerate(network(), precision="bfloat16"), *data())

    kept = trained()
    monkeypatch.setattr(frozen_features, "_MAX_BYTES", 0)
    np.testing.assert_equal(trained(), kept)
