"""Scores against Keras's own."""

from __future__ import annotations

import numpy as np
import pytest

from clearsight.data.splits.splits import Splits
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.scores import compute_scores
from clearsight.models.backend import keras


def test_scores_are_those_of_keras(small_fashion: Splits) -> None:
    test = small_fashion.test
    assert test is not None
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x = test.images / np.float32(255)
    loss, accuracy = model.evaluate(x, test.labels, verbose=0)
    scores = compute_scores(Predictions(model.predict(x, verbose=0), test.class_names), test.labels)
    assert scores.log_loss is not None
    assert scores.accuracy.value == pytest.approx(accuracy, abs=1e-6)
    assert scores.log_loss.value == pytest.approx(loss, rel=1e-5)


def test_a_certain_mistake_has_a_finite_loss() -> None:
    scores = compute_scores(Predictions(np.eye(2)[[0, 0]], ("a", "b")), np.array([0, 1]))
    assert scores.log_loss is not None
    assert (scores.num_correct, scores.num_images) == (1, 2)
    assert scores.log_loss.value == pytest.approx(-np.log(1e-7) / 2, rel=1e-3)


def test_top_classes_come_in_order() -> None:
    predictions = Predictions(np.array([[0.2, 0.5, 0.3]]), ("a", "b", "c"))
    assert predictions.names == ("b",)
    assert predictions.top(2) == [[("b", 0.5), ("c", 0.3)]]
    assert len(predictions.top(9)[0]) == 3


def test_a_loss_that_is_not_finite_is_none() -> None:
    nothing = Predictions(np.full((3, 2), np.nan), ("a", "b"))
    assert compute_scores(nothing, np.array([0, 1, 1])).log_loss is None
