"""How much the best of several scores flatters: against simulated choices."""

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
    """Which of 1,000 images networks of true accuracy 0.9 name rightly: bool (M, N).

    On a share of the images all networks answer alike.
    """
    own = generator.random((num_networks, 1_000)) < 0.9
    same = generator.random(1_000) < 0.9
    return np.where(generator.random(1_000) < shared, same, own)


@pytest.mark.parametrize("shared", [0.0, 0.9])
@pytest.mark.parametrize("num_networks", [2, 20])
def test_it_is_what_choosing_the_best_of_equals_gains(num_networks: int, shared: float) -> None:
    generator = np.random.default_rng(0)
    gained, told, bound = [], [], []
    for _ in range(600):
        correct = drawn(generator, num_networks, shared)
        accuracies = correct.mean(axis=1)
        gained.append(accuracies.max() - 0.9)
        told.append(optimism_of_best(accuracies, 1_000, correct))
        bound.append(optimism_of_best(accuracies, 1_000))
    # 600 choices tell the mean gain to within three standard errors.
    chance = 3 * np.std(gained) / np.sqrt(len(gained))
    assert np.mean(told) == pytest.approx(np.mean(gained), abs=chance + 0.05 * np.mean(gained))
    assert np.mean(bound) >= np.mean(gained) - chance


def test_networks_that_truly_differ_gain_less() -> None:
    generator = np.random.default_rng(0)
    truth = np.array([0.85, 0.9, 0.95])
    gained, told = [], []
    for _ in range(1_000):
        correct = generator.random((3, 1_000)) < truth[:, None]
        accuracies = correct.mean(axis=1)
        best = accuracies.argmax()
        gained.append(accuracies[best] - truth[best])
        told.append(optimism_of_best(accuracies, 1_000, correct))
    assert np.mean(gained) < np.mean(told)


def test_one_network_or_the_same_twice_flatters_nobody() -> None:
    assert optimism_of_best(np.array([0.9]), 100) == 0
    same = np.array([[True] * 9 + [False]] * 2)
    assert optimism_of_best(np.array([0.9, 0.9]), 10, same) == 0
