"""Selection bias of the best of several networks, against simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from clearsight.evaluation.comparison.optimism import expected_maximum, optimism_of_best


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1_000, 1_000_000])
def test_the_expected_maximum_is_the_integral(count: int) -> None:
    expected, _ = quad(
        lambda x: x * count * norm.pdf(x) * np.exp((count - 1) * norm.logcdf(x)), -9, 9, limit=500,
        points=[0, 2, 4, 5],
    )  # fmt: skip
    assert expected_maximum(count) == pytest.approx(expected, abs=1e-6)


def drawn(generator: np.random.Generator, num_networks: int, shared: float) -> np.ndarray:
    """Return which of 1,000 images networks of true accuracy 0.9 get right: bool (M, N).

    On a fraction `shared` of the images, all networks predict the same.
    """
    own = generator.random((num_networks, 1_000)) < 0.9
    same = generator.random(1_000) < 0.9
    return np.where(generator.random(1_000) < shared, same, own)


@pytest.mark.parametrize("shared", [0.0, 0.9])
@pytest.mark.parametrize("num_networks", [2, 20])
def test_it_is_the_mean_gain_from_choosing_the_best(num_networks: int, shared: float) -> None:
    generator = np.random.default_rng(0)
    gains, estimates, bound = [], [], []
    for _ in range(600):
        correct = drawn(generator, num_networks, shared)
        accuracies = correct.mean(axis=1)
        gains.append(accuracies.max() - 0.9)
        estimates.append(optimism_of_best(accuracies, 1_000, correct))
        bound.append(optimism_of_best(accuracies, 1_000))
    # Over 600 choices, the mean gain is accurate to within three standard errors.
    chance = 3 * np.std(gains) / np.sqrt(len(gains))
    assert np.mean(estimates) == pytest.approx(np.mean(gains), abs=chance + 0.05 * np.mean(gains))
    assert np.mean(bound) >= np.mean(gains) - chance


def test_networks_that_truly_differ_gain_less() -> None:
    generator = np.random.default_rng(0)
    truth = np.array([0.85, 0.9, 0.95])
    gains, estimates = [], []
    for _ in range(1_000):
        correct = generator.random((3, 1_000)) < truth[:, None]
        accuracies = correct.mean(axis=1)
        best = accuracies.argmax()
        gains.append(accuracies[best] - truth[best])
        estimates.append(optimism_of_best(accuracies, 1_000, correct))
    assert np.mean(gains) < np.mean(estimates)


def test_one_network_or_the_same_twice_has_no_optimism() -> None:
    assert optimism_of_best(np.array([0.9]), 100) == 0
    same = np.array([[True] * 9 + [False]] * 2)
    assert optimism_of_best(np.array([0.9, 0.9]), 10, same) == 0
