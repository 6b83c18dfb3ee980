"""Whole models, drawn at random, train in float64 as plain Keras trains them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

import clearsight
from clearsight.models.backend import keras
from support.drawn_models import (
    ANYWHERE,
    HEADS,
    ON_IMAGES,
    ON_SEQUENCES,
    OPTIMIZERS,
    DrawnModel,
    drawn_models,
)

pytestmark = pytest.mark.usefixtures("in_float64")


def assert_trains_as_in_keras(drawn: DrawnModel) -> None:
    """Train a model in plain Keras and accelerated, and compare all that comes of it."""
    results = []
    for is_accelerated in (False, True):
        model = drawn.build()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras's about masks, ours about layers left to Keras
            if is_accelerated:
                clearsight.accelerate(model, precision="float64")
            try:
                history = drawn.fit(model)
            except RuntimeError as error:
                # Torch's gradients of some convolutions in float64, in plain Keras.
                assume(is_accelerated or "must be contiguous" not in str(error))
                raise
            x, y = drawn.make_data()
            evaluated = model.evaluate(x, y, verbose=0, return_dict=True)
            predicted = keras.tree.flatten(model.predict(x, verbose=0))
        results.append((history, evaluated, predicted, [v.numpy() for v in model.variables]))
    (plain, *others), (fast, *fast_others) = results
    assert fast.keys() == plain.keys()
    for expected, found in zip(
        keras.tree.flatten([list(plain.values()), *others]),
        keras.tree.flatten([list(fast.values()), *fast_others]),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def simple(data: str, step: str, head: str = "softmax", optimizer: str = "sgd") -> DrawnModel:
    options: dict[str, Any] = {"epochs": 2, "validation_split": 0.3}
    return DrawnModel(data, (step,), head, optimizer, ("accuracy",), options, "")


@pytest.mark.parametrize("step", ANYWHERE)
def test_each_step_alone(step: str) -> None:
    assert_trains_as_in_keras(simple("vectors", step))


@pytest.mark.parametrize("step", ON_SEQUENCES)
def test_each_step_of_sequences(step: str) -> None:
    assert_trains_as_in_keras(simple("sequences", step, "each position"))


@pytest.mark.parametrize("step", ON_IMAGES)
def test_each_step_of_images(step: str) -> None:
    assert_trains_as_in_keras(simple("images", step))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer(optimizer: str) -> None:
    assert_trains_as_in_keras(simple("vectors", "Block", "logits", optimizer))


@pytest.mark.parametrize("head", HEADS)
def test_each_head(head: str) -> None:
    drawn = simple("sequences", "Dense", head)
    metrics = () if head == "mean squared error" else drawn.metrics
    assert_trains_as_in_keras(
        DrawnModel("sequences", drawn.steps, head, "adam", metrics, drawn.options, "")
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn_models())
def test_models_drawn_at_random(drawn: DrawnModel) -> None:
    assert_trains_as_in_keras(drawn)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn_models())
def test_many_models_drawn_at_random(drawn: DrawnModel) -> None:
    assert_trains_as_in_keras(drawn)
