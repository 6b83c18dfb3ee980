"""Knowledge distillation: a student's own `compute_loss` asks a teacher."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearsight.models.backend import keras

layers, ops = keras.layers, keras.ops


def _network(width: int) -> Any:
    return keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(width, 3, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3),
        ]
    )


class Distiller(keras.Model):
    """A functional student whose loss includes that towards a teacher's outputs."""

    def __init__(self, teacher: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.teacher = teacher
        self.teacher.trainable = False

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:  # fmt: skip
        soft = ops.softmax(self.teacher(x, training=False) / 2.0)
        towards = keras.losses.categorical_crossentropy(soft, y_pred / 2.0, from_logits=True)
        own = super().compute_loss(x, y, y_pred, sample_weight, training)
        return 0.3 * own + 0.7 * ops.mean(towards)


def make() -> Any:
    student = _network(2)
    return Distiller(_network(6), inputs=student.inputs, outputs=student.outputs)


def train(model: Any) -> Any:
    generator = np.random.default_rng(0)
    x, y = generator.random((32, 10, 10, 1)), generator.integers(0, 3, 32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=["accuracy"])
    history = model.fit(x, y, epochs=3, batch_size=8, validation_data=(x, y), verbose=0).history
    return [history, model.predict(x, verbose=0)]
