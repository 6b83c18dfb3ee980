"""A loss that is not finite ends the training before any weight changes, whoever runs the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import clearsight
from clearsight.engine.batches import InMemoryBatches
from clearsight.engine.step_control import step_control
from clearsight.models.backend import keras
from clearsight.training.steps import NonFiniteLossError, watched_steps


@pytest.mark.parametrize("precision", [None, "float32", "bfloat16"])
def test_a_loss_that_is_not_finite_stops_before_the_weights_change(precision: Any) -> None:
    model: Any = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    if precision is not None:
        clearsight.accelerate(model, precision)
    attributes = set(vars(model))
    x, y = np.random.default_rng(0).random((12, 4, 4, 1), "float32"), np.arange(12) % 3
    with watched_steps(model, InMemoryBatches(x, y, batch_size=4)):
        model.fit(InMemoryBatches(x, y, batch_size=4), validation_data=(x, y), verbose=0)
        before = [weight.numpy() for weight in model.weights]
        x[5] = np.nan
        bad = InMemoryBatches(x[4:8], y[4:8], batch_size=4)
        with pytest.raises(NonFiniteLossError) as caught:
            model.fit(bad, verbose=0)
    assert caught.value.layer == model.layers[0].name
    assert not caught.value.is_weight
    for weight, expected in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected)
    assert "compute_loss" not in set(vars(model)) - attributes
    control = step_control(model)
    assert (control is None) == (precision is None)
    assert control is None or control.check_loss is None
