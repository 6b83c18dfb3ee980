"""Coverage: a 95% interval contains the true score 95 times in 100, simulated for every score."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from clearsight.evaluation.intervals.estimate import Estimate
from clearsight.evaluation.predictions import Predictions
from clearsight.evaluation.scores.calibration import compute_calibration
from clearsight.evaluation.scores.scores import Scores, compute_scores
from support.known_scores import CLASSES, SimulatedProblem


def estimates(scores: Scores) -> dict[str, Estimate]:
    assert scores.log_loss is not None
    assert scores.brier is not None
    assert scores.calibration is not None
    return {
        "accuracy": scores.accuracy,
        "top-3": scores.top[0].accuracy,
        "precision of a": scores.classes[0].precision,
        "recall of b": scores.classes[1].recall,
        "F1 of c": scores.classes[2].f1,
        "macro precision": scores.macro.precision,
        "macro recall": scores.macro.recall,
        "macro F1": scores.macro.f1,
        "log loss": scores.log_loss,
        "Brier": scores.brier,
        "ECE": scores.calibration.ece,
    }


def coverage(problem: SimulatedProblem, num_images: int, num_repeats: int) -> dict[str, float]:
    """How often each score's interval contains the true score."""
    truth, held = problem.scores(), Counter()
    generator = np.random.default_rng(0)
    for repeat in range(num_repeats):
        probabilities, labels = problem.sample(num_images, generator)
        found = compute_scores(Predictions(probabilities, CLASSES), labels, seed=repeat)
        for name, estimate in estimates(found).items():
            assert estimate.interval is not None
            held[name] += truth[name] in estimate.interval
    return {name: held[name] / num_repeats for name in truth}


def test_intervals_contain_the_truth_about_95_percent_of_the_time() -> None:
    """Few repeats only show large errors: bounds that 93 or 97% exceeds once in 2,000 times."""
    repeats = 100
    low, high = binom.ppf(0.0005, repeats, 0.93), binom.ppf(0.9995, repeats, 0.97)
    for name, share in coverage(SimulatedProblem.of(1.6), 1_000, repeats).items():
        assert low <= round(share * repeats) <= high, f"{name}: {share}"


@pytest.mark.slow
def test_intervals_contain_the_truth_95_percent_of_the_time() -> None:
    for name, share in coverage(SimulatedProblem.of(1.6), 1_000, 1_000).items():
        assert 0.93 <= share <= 0.97, f"{name}: {share}"


@pytest.mark.slow
@pytest.mark.parametrize("sharpness", [1.0, 1.3])
def test_the_ece_of_a_nearly_calibrated_network_is_not_overstated(sharpness: float) -> None:
    """Its interval is too wide then rather than too narrow."""
    problem, generator, held = SimulatedProblem.of(sharpness), np.random.default_rng(0), 0
    truth = problem.scores()["ECE"]
    for repeat in range(500):
        probabilities, labels = problem.sample(1_000, generator)
        interval = compute_calibration(probabilities, labels, repeat).ece.interval
        assert interval is not None
        held += truth in interval
    assert held >= 0.92 * 500
