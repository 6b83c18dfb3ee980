"""Scores against Keras's own, and the curve's one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from clearsight.data.imageset import Splits
from clearsight.evaluation.curve import read_curve
from clearsight.evaluation.metrics import score_of
from clearsight.evaluation.predictions import Predictions
from clearsight.models.backend import keras
from clearsight.training.history import Epoch


def history(*accuracies: tuple[float, float]) -> tuple[Epoch, ...]:
    return tuple(
        Epoch(number, 1 - train, train, 1 - val, val, 1.0, 0.001)
        for number, (train, val) in enumerate(accuracies, start=1)
    )


def test_scores_are_those_of_keras(small_fashion: Splits) -> None:
    test = small_fashion.test
    assert test is not None
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x = test.images / np.float32(255)
    loss, accuracy = model.evaluate(x, test.labels, verbose=0)
    score = score_of(model.predict(x, verbose=0), test.labels)
    assert score.accuracy == pytest.approx(accuracy, abs=1e-6)
    assert score.loss == pytest.approx(loss, rel=1e-5)


def test_certainly_wrong_is_a_finite_loss() -> None:
    score = score_of(np.eye(2)[[0, 0]], np.array([0, 1]))
    assert (score.num_correct, score.num_images) == (1, 2)
    assert score.loss == pytest.approx(-np.log(1e-7) / 2, rel=1e-3)


def test_top_classes_come_in_order() -> None:
    predictions = Predictions(np.array([[0.2, 0.5, 0.3]]), ("a", "b", "c"))
    assert predictions.names == ("b",)
    assert predictions.top(2) == [[("b", 0.5), ("c", 0.3)]]
    assert len(predictions.top(9)[0]) == 3


def test_a_clear_gap_is_named_with_its_interval() -> None:
    reading = read_curve(history((0.80, 0.81), (0.90, 0.885), (0.949, 0.883)), 12_000, 3_000)
    assert reading.gap == pytest.approx(0.066)
    assert reading.gap in reading.gap_interval
    assert reading.gap_interval.high - reading.gap_interval.low < 0.03
    assert reading.best_epoch == 2
    assert reading.sentence.startswith(
        "Training accuracy ends 6.6 points above validation (95% interval 5.4 to 7.9), so the "
        "network knows its training pictures better than new ones; validation accuracy was best "
        "in epoch 2 of 3 (0.885)"
    )


def test_a_gap_too_small_to_tell_is_called_that() -> None:
    few = read_curve(history((0.90, 0.885)), 200, 50)
    assert "cannot tell from none" in few.sentence
    below = read_curve(history((0.70, 0.80)), 12_000, 3_000)
    assert "10.0 points below validation (95% interval −11.6 to −8.3), as it can" in below.sentence


def test_a_loss_that_is_no_number_is_said_first() -> None:
    first, second = history((0.5, 0.5), (0.1, 0.1))
    reading = read_curve((first, replace(second, loss=float("nan"))), 100, 100)
    assert reading.sentence.startswith("The loss stopped being a finite number in epoch 2")
    assert score_of(np.full((3, 2), np.nan), np.array([0, 1, 1])).loss is None
