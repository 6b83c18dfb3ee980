"""Everything that `fit` and `compile` can be asked for, on the engine as in plain Keras.

Each case is trained by plain Keras, by the engine in float32, where losses and weights must be the
same, and in bfloat16, where they must be near; and each must differ from training without it, so
that a feature which is ignored is found out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.data.splits.splits import Splits
from clearsight.models.backend import keras

layers, optimizers = keras.layers, keras.optimizers


def network(**options: Any) -> Any:
    """Make a small classifier of 28x28 images, with options for its first convolution."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 3, activation="relu", name="first", **options),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="last"),
        ]
    )


def frozen() -> Any:
    model = network()
    model.get_layer("first").trainable = False
    return model


def normalized(*, freeze: bool = False) -> Any:
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 3, strides=2, use_bias=False),
            layers.BatchNormalization(name="normalization"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.get_layer("normalization").trainable = not freeze
    return model


def logits() -> Any:
    return with_end(layers.Dense(10, name="last"))


def dropped() -> Any:
    return with_end(layers.Dropout(0.4), layers.Dense(10, "softmax"))


def with_end(*end: Any) -> Any:
    """Make the network with other layers in place of its last."""
    return keras.Sequential([keras.Input((28, 28, 1)), *network().layers[:-1], *end])


def squared_error(y_true: Any, y_pred: Any) -> Any:
    """A loss that Keras does not have: of the probability of the true class."""
    ops = keras.ops
    hit = ops.sum(ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 10) * y_pred, axis=-1)
    return ops.square(1.0 - hit)


class Lowering(keras.callbacks.Callback):
    """Changes the model between epochs, as callbacks may."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        del logs
        model: Any = self.model
        model.optimizer.learning_rate = 0.01 / (epoch + 1)
        model.get_layer("first").trainable = epoch == 0


@dataclass(frozen=True)
class Feature:
    """How to train with a feature, and without it."""

    build: Callable[[], Any] = network
    compiled: dict[str, Callable[[], Any]] = field(default_factory=dict)
    fitted: dict[str, Any] = field(default_factory=dict)
    one_hot: bool = False
    without: Callable[[], Any] = network  # what it would be if the feature were ignored
    per_class: bool = False  # whether each image gets a weight by its class
    callbacks: tuple[type, ...] = ()


def optimizer(make: Callable[..., Any], **options: Any) -> dict[str, Callable[[], Any]]:
    return {"optimizer": lambda: make(**options)}


FEATURES: dict[str, Feature] = {
    "class_weight": Feature(fitted={"class_weight": {k: 0.1 + k for k in range(10)}}),
    "sample_weight": Feature(per_class=True),
    "custom loss": Feature(compiled={"loss": lambda: squared_error}),
    "loss on logits": Feature(
        logits, {"loss": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    ),
    "label smoothing": Feature(
        compiled={"loss": lambda: keras.losses.CategoricalCrossentropy(label_smoothing=0.3)},
        one_hot=True,
    ),
    "loss_weights": Feature(
        compiled={"loss_weights": lambda: [0.1], **optimizer(optimizers.SGD, learning_rate=0.1)},
    ),
    "frozen layer": Feature(frozen),
    "kernel regularizer": Feature(lambda: network(kernel_regularizer="l2")),
    "activity regularizer": Feature(lambda: network(activity_regularizer="l2")),
    "kernel constraint": Feature(
        lambda: network(kernel_constraint=keras.constraints.MaxNorm(0.3, axis=(0, 1, 2)))
    ),
    "batch normalization": Feature(normalized),
    "frozen batch normalization": Feature(lambda: normalized(freeze=True), without=normalized),
    "dropout": Feature(dropped),
    "clipnorm": Feature(compiled=optimizer(optimizers.SGD, learning_rate=0.5, clipnorm=0.01)),
    "global_clipnorm": Feature(compiled=optimizer(optimizers.SGD, global_clipnorm=0.02)),
    "clipvalue": Feature(compiled=optimizer(optimizers.SGD, clipvalue=0.001)),
    "averages of weights": Feature(
        compiled=optimizer(optimizers.Adam, learning_rate=0.01, use_ema=True, ema_momentum=0.9)
    ),
    "gradient accumulation": Feature(
        compiled=optimizer(optimizers.Adam, learning_rate=0.01, gradient_accumulation_steps=3)
    ),
    "learning rate schedule": Feature(
        compiled=optimizer(
            optimizers.SGD, learning_rate=optimizers.schedules.ExponentialDecay(0.5, 2, 0.5)
        )
    ),
    "weight decay": Feature(
        compiled=optimizer(optimizers.AdamW, learning_rate=0.01, weight_decay=1.0)
    ),
    "run_eagerly": Feature(compiled={"run_eagerly": lambda: True}, without=network),
    "a callback that changes the model": Feature(callbacks=(Lowering,)),
    "no shuffling": Feature(fitted={"shuffle": False}),
    "shuffled batches": Feature(fitted={"shuffle": "batch"}),
    "steps_per_epoch": Feature(fitted={"steps_per_epoch": 3}),
    "validation_split": Feature(fitted={"validation_split": 0.4}),
}
IS_THE_SAME_WITHOUT = {"run_eagerly"}  # it asks for another way to the same numbers


def fit(feature: Feature, data: Splits, precision: str | None) -> tuple[dict[str, Any], list[Any]]:
    """Train for two epochs; return the history and the weights."""
    keras.utils.set_random_seed(3)
    model = feature.build()
    settings = {name: make() for name, make in feature.compiled.items()}
    settings.setdefault("optimizer", optimizers.Adam(0.01))
    settings.setdefault("loss", f"{'' if feature.one_hot else 'sparse_'}categorical_crossentropy")
    model.compile(metrics=["accuracy"], **settings)
    if precision is not None:
        accelerated(model, precision)
    labels = data.train.labels
    options = {
        "validation_data": (data.test.images / np.float32(255), data.test.labels),  # pyright: ignore
        "callbacks": [make() for make in feature.callbacks],
        **feature.fitted,
    }
    if "validation_split" in feature.fitted:
        del options["validation_data"]
    if feature.one_hot:
        options["validation_data"] = None
    history = model.fit(
        data.train.images / np.float32(255),
        np.eye(10, dtype="float32")[labels] if feature.one_hot else labels,
        sample_weight=(0.1 + labels % 3).astype("float32") if feature.per_class else None,
        batch_size=32,
        epochs=2,
        verbose=0,
        **options,
    )
    return history.history, [np.array(weight) for weight in model.get_weights()]


def accelerated(model: Any, precision: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is left to Keras has a test of its own
        clearsight.accelerate(model, precision=precision)


@pytest.fixture(scope="module")
def data(fashion: Any) -> Splits:
    return Splits(fashion[0].first(200), fashion[1].first(60))


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_of_fit_works_as_in_keras(name: str, data: Splits) -> None:
    feature = FEATURES[name]
    expected, weights = fit(feature, data, None)
    found, same_weights = fit(feature, data, "float32")
    assert found.keys() == expected.keys()
    for metric, values in expected.items():
        np.testing.assert_allclose(found[metric], values, rtol=2e-4, err_msg=metric)
    for got, wanted in zip(same_weights, weights, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
    # Dropout draws other masks in bfloat16.
    near, near_weights = fit(feature, data, "bfloat16")
    np.testing.assert_allclose(
        near["loss"], expected["loss"], rtol=0.1 if name == "dropout" else 0.03
    )
    ignored, other_weights = fit(Feature(feature.without), data, "bfloat16")
    is_same = near["loss"] == ignored["loss"] and all(
        got.shape == other.shape and np.array_equal(got, other)
        for got, other in zip(near_weights, other_weights, strict=True)
    )
    if name not in IS_THE_SAME_WITHOUT:
        assert not is_same
