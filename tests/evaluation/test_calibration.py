"""Reliability and ECE by hand and by simulation; temperatures against scipy's minimizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from clearsight.evaluation.intervals.proportions import wilson_interval
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.calibration import NUM_BINS, compute_calibration
from clearsight.evaluation.scores.losses import log_losses
from clearsight.evaluation.scores.scores import compute_scores
from clearsight.evaluation.scores.temperature import apply_temperature, fit_temperature
from support.known_scores import CLASSES, SimulatedProblem, softmax


def test_bins_and_ece_calculated_by_hand() -> None:
    """Eight images at 0.9, six right; two at 0.6, both right: (8 × 0.15 + 2 × 0.4) / 10."""
    confidence = np.array([0.9] * 8 + [0.6] * 2)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    found = compute_calibration(probabilities, np.array([0] * 6 + [1] * 2 + [0] * 2))
    assert found.ece.value == pytest.approx(0.2)
    assert len(found.bins) == NUM_BINS
    assert (found.bins[0].low, found.bins[-1].high) == (0, 1)
    occupied = [row for row in found.bins if row.num_images]
    # 0.6 is an edge and belongs to the bin that ends there.
    assert [(row.num_images, row.accuracy) for row in occupied] == [(2, 1.0), (8, 0.75)]
    assert occupied[0].high == pytest.approx(0.6)
    assert occupied[1].mean_confidence == pytest.approx(0.9)
    assert occupied[1].interval == wilson_interval(6, 8)
    empty = found.bins[0]
    assert (empty.mean_confidence, empty.accuracy, empty.interval) == (None, None, None)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_every_image_is_in_the_bin_of_its_confidence(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(3, 0.3), count).astype(np.float32)
    found = compute_calibration(probabilities, generator.integers(0, 3, count))
    assert sum(row.num_images for row in found.bins) == count
    for row in found.bins:
        if row.mean_confidence is not None:
            assert row.low - 1e-7 <= row.mean_confidence <= row.high + 1e-7
    assert found.ece.value is not None
    assert found.ece.interval is not None
    assert found.ece.value in found.ece.interval


def test_a_calibrated_network_is_recognized() -> None:
    probabilities, labels = SimulatedProblem.of(1.0).sample(2_000, np.random.default_rng(0))
    found = compute_calibration(probabilities, labels)
    assert found.ece.value == pytest.approx(found.ece_if_calibrated, abs=0.01)
    assert 0.0 in found.ece.interval
    overconfident = compute_calibration(
        *SimulatedProblem.of(2.0).sample(2_000, np.random.default_rng(0))
    )
    assert overconfident.ece.interval.low > overconfident.ece_if_calibrated


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 1.6, 3.0])
def test_the_temperature_behind_overconfidence_is_found(sharpness: float) -> None:
    probabilities, labels = SimulatedProblem.of(sharpness).sample(20_000, np.random.default_rng(1))
    assert fit_temperature(probabilities, labels) == pytest.approx(sharpness, rel=0.05)


@given(st.integers(0, 2**32 - 1))
def test_the_temperature_is_the_minimum_that_scipy_finds(seed: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = softmax(generator.normal(0, 3, (50, 4)))
    labels = np.where(
        generator.random(50) < 0.6, probabilities.argmax(axis=1), generator.integers(0, 4, 50)
    )

    def loss(temperature: float) -> float:
        return float(log_losses(apply_temperature(probabilities, temperature), labels).mean())

    best = minimize_scalar(loss, bounds=(0.05, 20.0), method="bounded", options={"xatol": 1e-8})
    assert loss(fit_temperature(probabilities, labels)) == pytest.approx(best.fun, abs=1e-7)


def test_temperatures_stay_in_their_bounds() -> None:
    sure, unsure = np.array([[0.9, 0.1]] * 4), np.array([[0.9, 0.1], [0.9, 0.1]])
    assert fit_temperature(sure, np.zeros(4, int)) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(unsure, np.array([0, 1])) == pytest.approx(20, rel=1e-3)
    assert fit_temperature(np.eye(2), np.array([0, 0])) <= 20  # certain and wrong: still a number
    assert fit_temperature(np.full((3, 2), 0.5), np.array([0, 1, 1])) > 0  # any does


def test_scaling_corrects_calibration_and_keeps_the_predictions() -> None:
    problem, generator = SimulatedProblem.of(1.6), np.random.default_rng(2)
    probabilities, labels = problem.sample(2_000, generator)
    scaled = apply_temperature(probabilities, 1.6)
    assert np.array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))
    assert scaled.sum(axis=1) == pytest.approx(1)
    found = compute_scores(
        Predictions(probabilities, CLASSES), labels, problem.sample(1_000, generator)
    )
    assert found.temperature_scaling is not None
    assert found.temperature_scaling.num_val_images == 1_000
    assert found.temperature_scaling.ece.value < 0.5 * found.calibration.ece.value
    assert found.temperature_scaling.log_loss.interval.high < found.log_loss.interval.high
