"""Whole models drawn at random: lowered layers among layers that the engine has never seen."""
# ruff: noqa: PLW0108 (each use of a step makes its own layers)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from clearsight.models.backend import keras

layers, ops = keras.layers, keras.ops


class Block(layers.Layer):
    """Sublayers that learn of ``training`` from the call context alone."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.dense, self.norm = layers.Dense(units), layers.BatchNormalization()
        self.drop = layers.Dropout(0.3)

    def call(self, values: Any) -> Any:
        return self.drop(self.norm(self.dense(values)))


class Told(layers.Layer):
    """A layer that takes ``training`` itself, and inverts it for one of its sublayers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dropout(0.4), layers.GaussianNoise(0.1)

    def call(self, values: Any, training: Any = None) -> Any:
        return self.second(self.first(values, training=not training), training=training)


class Penalty(layers.Layer):
    """A layer that adds a loss, and another one in training only."""

    def call(self, values: Any, training: Any = None) -> Any:
        self.add_loss(0.01 * ops.mean(ops.square(values)))
        if training:
            self.add_loss(0.02 * ops.mean(ops.abs(values)))
        return values


class Counter(layers.Layer):
    """A layer that counts its calls and scales by the count."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, values: Any) -> Any:
        self.count.assign_add(1.0)
        return values * (1 + 0.01 * self.count)


class AlwaysDrops(layers.Dropout):
    """Dropout in evaluation too (Monte Carlo dropout)."""

    def call(self, values: Any, training: Any = None) -> Any:
        del training
        return super().call(values, training=True)


class Masks(layers.Layer):
    """A layer that attaches a mask which the symbolic graph does not show."""

    def __init__(self) -> None:
        super().__init__()
        self.masking = layers.Masking(-1.0)

    def call(self, values: Any) -> Any:
        return self.masking(values)


class Nested(keras.Model):
    """A subclassed model."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.hidden, self.drop = layers.Dense(units, "tanh"), layers.Dropout(0.2)

    def call(self, values: Any) -> Any:
        return self.drop(self.hidden(values))


def _nested_graph(shape: tuple[int, ...], units: int) -> Any:
    inner = keras.Input(shape)
    hidden = layers.Dropout(0.2)(layers.BatchNormalization()(layers.Dense(units)(inner)))
    return keras.Model(inner, layers.Activation("relu")(hidden))


def _twice(layer: Any, values: Any) -> Any:
    return layer(layer(values))


def _frozen(layer: Any, values: Any) -> Any:
    layer.trainable = False
    return layer(values)


Step = Callable[[Any], Any]

# From values (N, ..., 6) to values of the same shape.
ANYWHERE: dict[str, Step] = {
    "Dense": lambda v: layers.Dense(6, "relu")(v),
    "Dense, regularized": lambda v: layers.Dense(6, kernel_regularizer="l2")(v),
    "Dense, activity": lambda v: layers.Dense(6, activity_regularizer="l2")(v),
    "Dense twice, activity": lambda v: _twice(layers.Dense(6, activity_regularizer="l1"), v),
    "Dense, constrained": lambda v: layers.Dense(6, kernel_constraint="max_norm")(v),
    "Dense, frozen": lambda v: _frozen(layers.Dense(6), v),
    "Dropout": lambda v: layers.Dropout(0.3)(v),
    "Dropout, seed": lambda v: layers.Dropout(0.3, seed=3)(v),
    "GaussianNoise": lambda v: layers.GaussianNoise(0.1)(v),
    "GaussianDropout": lambda v: layers.GaussianDropout(0.1)(v),
    "AlphaDropout": lambda v: layers.AlphaDropout(0.1)(v),
    "LayerNormalization": lambda v: layers.LayerNormalization()(v),
    "UnitNormalization": lambda v: layers.UnitNormalization()(v),
    "PReLU": lambda v: layers.PReLU()(v),
    "ActivityRegularization": lambda v: layers.ActivityRegularization(0.01)(v),
    "Add": lambda v: layers.Add()([v, layers.Dense(6)(v)]),
    "Concatenate": lambda v: layers.Dense(6)(layers.Concatenate()([v, v])),
    "operation": lambda v: ops.tanh(v) * 0.5 + 0.1,
    "two outputs": lambda v: ops.add(*ops.split(ops.concatenate([v, v], -1), 2, -1)),
    "Lambda": lambda v: layers.Lambda(lambda values: values**2, output_shape=v.shape[1:])(v),
    "Block": lambda v: Block(6)(v),
    "Block twice": lambda v: _twice(Block(6), v),
    "Block, frozen": lambda v: _frozen(Block(6), v),
    "Told": lambda v: Told()(v),
    "Penalty": lambda v: Penalty()(v),
    "Penalty twice": lambda v: _twice(Penalty(), v),
    "Counter": lambda v: Counter()(v),
    "AlwaysDrops": lambda v: AlwaysDrops(0.2)(v),
    "Nested": lambda v: Nested(6)(v),
    "nested graph": lambda v: _nested_graph(tuple(v.shape[1:]), 6)(v),
    "nested graph twice": lambda v: _twice(_nested_graph(tuple(v.shape[1:]), 6), v),
    "nested graph, frozen": lambda v: _frozen(_nested_graph(tuple(v.shape[1:]), 6), v),
    "Sequential": lambda v: keras.Sequential([layers.Dense(6), Block(6)])(v),
}
ON_IMAGES: dict[str, Step] = {
    "Conv2D": lambda v: layers.Conv2D(6, 3, padding="same", activation="relu")(v),
    "DepthwiseConv2D": lambda v: layers.DepthwiseConv2D(3, padding="same")(v),
    "BatchNormalization": lambda v: layers.BatchNormalization()(v),
    "GroupNormalization": lambda v: layers.GroupNormalization(2)(v),
    "Conv2D, ReLU, MaxPooling2D, UpSampling2D": lambda v: layers.UpSampling2D()(
        layers.MaxPooling2D()(layers.Conv2D(6, 3, padding="same", activation="relu")(v))
    ),
    "AveragePooling2D": lambda v: layers.AveragePooling2D(3, 1, padding="same")(v),
    "SpatialDropout2D": lambda v: layers.SpatialDropout2D(0.2)(v),
    "RandomFlip": lambda v: layers.RandomFlip()(v),
    "RandomTranslation": lambda v: layers.RandomTranslation(0.2, 0.2)(v),
    "RandomRotation": lambda v: layers.RandomRotation(0.1)(v),
    "RandomZoom": lambda v: layers.RandomZoom(0.2)(v),
    "Conv2DTranspose": lambda v: layers.Conv2DTranspose(6, 3, padding="same")(v),
}
ON_SEQUENCES: dict[str, Step] = {
    "Masking": lambda v: layers.Masking(0.0)(v),
    "Masking, LayerNormalization": lambda v: layers.LayerNormalization()(layers.Masking(0.0)(v)),
    "Masks": lambda v: Masks()(v),
    "LSTM": lambda v: layers.LSTM(6, return_sequences=True)(v),
    "GRU, masked": lambda v: layers.GRU(6, return_sequences=True)(layers.Masking(0.0)(v)),
    "MultiHeadAttention": lambda v: layers.MultiHeadAttention(2, 3, dropout=0.1)(v, v),
    "MultiHeadAttention, masked": lambda v: layers.MultiHeadAttention(2, 3)(
        layers.Masking(0.0)(v), v
    ),
    "Conv1D": lambda v: layers.Conv1D(6, 3, padding="same")(v),
    "TimeDistributed": lambda v: layers.TimeDistributed(layers.Dense(6))(v),
}
SHAPES: dict[str, tuple[int, ...]] = {"vectors": (6,), "sequences": (5, 6), "images": (6, 8, 6)}
HEADS = ["softmax", "logits", "each position", "two outputs", "named outputs", "mean squared error"]
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: keras.optimizers.SGD(0.05),
    "nesterov": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True, clipnorm=0.5),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "amsgrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=1.0),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.005, momentum=0.5, centered=True),
    "ema": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
    "accumulation": lambda: keras.optimizers.SGD(0.05, gradient_accumulation_steps=2),
    "adagrad": lambda: keras.optimizers.Adagrad(0.05),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.02, 2, 0.5)
    ),
}


@dataclass(frozen=True)
class DrawnModel:
    """What a model is made of, and how it is trained.

    Attributes:
        data: a key of `SHAPES`.
        steps: keys of `ANYWHERE` and of the table for its data.
        head: one of `HEADS`.
        optimizer: a key of `OPTIMIZERS`.
        metrics: names for `compile`.
        options: further arguments of `fit`.
        weighting: "", "class_weight", or "sample_weight".
    """

    data: str
    steps: tuple[str, ...]
    head: str
    optimizer: str
    metrics: tuple[str, ...]
    options: dict[str, Any]
    weighting: str

    def build(self) -> Any:
        """Build and compile it, with the same weights every time."""
        keras.utils.set_random_seed(0)
        table = ANYWHERE | {"images": ON_IMAGES, "sequences": ON_SEQUENCES}.get(self.data, {})
        inputs = keras.Input(SHAPES[self.data])
        values = inputs
        for name in self.steps:
            values = table[name](values)
        outputs, loss = self._add_head(values)
        model: Any = keras.Model(inputs, outputs)
        metrics: Any = list(self.metrics)
        if self.head == "named outputs":
            metrics = {"a": metrics, "b": metrics}
        elif self.head == "two outputs":
            metrics = [metrics, metrics]
        model.compile(OPTIMIZERS[self.optimizer](), loss, metrics=metrics or None)
        return model

    def _add_head(self, values: Any) -> tuple[Any, Any]:
        crossentropy = "sparse_categorical_crossentropy"
        if self.head == "each position" and self.data != "vectors":
            return layers.Dense(3, "softmax")(values), crossentropy
        flat = values if self.data == "vectors" else layers.Flatten()(values)
        if self.head == "logits":
            return layers.Dense(3)(flat), keras.losses.SparseCategoricalCrossentropy(True)
        if self.head == "mean squared error":
            return layers.Dense(3)(flat), "mse"
        first = layers.Dense(3, "softmax", name="a")(flat)
        if self.head == "two outputs":
            second = layers.Dense(3, "softmax", name="b")(flat)
            return [first, second], [crossentropy, crossentropy]
        if self.head == "named outputs":
            second = layers.Dense(3, "softmax", name="b")(flat)
            return {"a": first, "b": second}, {"a": crossentropy, "b": crossentropy}
        return first, crossentropy

    def make_data(self) -> tuple[np.ndarray, Any]:
        """Make 30 inputs, some of whose positions are zero, and their targets."""
        generator = np.random.default_rng(1)
        x = generator.normal(size=(30, *SHAPES[self.data]))
        if self.data == "sequences":
            x[::2, 3:] = 0.0
        y: Any = generator.integers(0, 3, 30)
        if self.head == "each position" and self.data != "vectors":
            y = generator.integers(0, 3, (30, *SHAPES[self.data][:-1]))
        elif self.head == "mean squared error":
            y = np.eye(3)[y]
        elif self.head == "two outputs":
            y = [y, y]
        elif self.head == "named outputs":
            y = {"a": y, "b": y}
        return x, y

    def fit(self, model: Any) -> dict[str, list[float]]:
        """Train a built model; return its history."""
        x, y = self.make_data()
        keras.utils.set_random_seed(1)
        options = dict(self.options)
        if self.weighting == "class_weight":
            options["class_weight"] = {0: 1.0, 1: 2.0, 2: 0.5}
        elif self.weighting == "sample_weight":
            options["sample_weight"] = np.linspace(0.1, 2.0, len(x))
        return model.fit(x, y, batch_size=7, verbose=0, **options).history


@st.composite
def drawn_models(draw: st.DrawFn) -> DrawnModel:
    """Draw a model and a training."""
    data = draw(st.sampled_from(list(SHAPES)))
    table = [*ANYWHERE, *{"images": ON_IMAGES, "sequences": ON_SEQUENCES}.get(data, {})]
    head = draw(st.sampled_from(HEADS))
    is_plain = head in ("softmax", "logits")
    options = {
        "epochs": draw(st.integers(1, 2)),
        "shuffle": draw(st.sampled_from([True, False, "batch"])),
        "validation_split": draw(st.sampled_from([0.0, 0.3])),
        "steps_per_epoch": draw(st.sampled_from([None, 2])),
    }
    return DrawnModel(
        data=data,
        steps=tuple(draw(st.lists(st.sampled_from(table), min_size=1, max_size=4))),
        head=head,
        optimizer=draw(st.sampled_from(list(OPTIMIZERS))),
        metrics=draw(st.sampled_from([(), ("accuracy",)])) if head != "mean squared error" else (),
        options=options,
        weighting=draw(st.sampled_from(["", "class_weight", "sample_weight"])) if is_plain else "",
    )
