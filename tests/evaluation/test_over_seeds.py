"""Means and differences over seeds, against scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from clearsight.evaluation.comparison.over_seeds import SeedSummary, difference_over_seeds


def test_a_summary_is_what_scipy_gives() -> None:
    values = (0.88, 0.9, 0.87, 0.89, 0.891)
    found = SeedSummary(values)
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)
    assert found.standard_deviation == pytest.approx(np.std(values, ddof=1))
    assert found.spread == pytest.approx(0.03)
    alone = SeedSummary((0.5,))
    assert (alone.mean, alone.standard_deviation, alone.interval) == (0.5, None, None)


# Shifts of a training as a whole (over seeds) and of an image for one network (over images).
# With neither, the interval is wider than it need be, which is on the safe side.
@pytest.mark.parametrize(
    ("num_seeds", "of_seed", "of_image", "most"),
    [(3, 0.05, 0.3, 0.98), (5, 0.1, 0.3, 0.97), (10, 0.05, 0.0, 0.97), (3, 0.0, 0.0, 1.0)],
)
def test_the_interval_contains_the_truth_95_percent_of_the_time(
    num_seeds: int, of_seed: float, of_image: float, most: float
) -> None:
    generator = np.random.default_rng(0)
    found = []
    for _ in range(600):
        ease = generator.normal(1.2, 1.0, 400)
        bonus = generator.normal(0.05, of_image, 400)
        right = [
            [
                ease + shift + generator.normal(0, of_seed) + generator.normal(0, 0.5, 400) > 0
                for _ in range(num_seeds)
            ]
            for shift in (bonus, 0.0)
        ]
        first, second = (np.array(rows, dtype=int) for rows in right)
        found.append(difference_over_seeds(first - second))
    truth = np.mean([each.value for each in found])
    held = np.mean([truth in each.interval for each in found])
    assert 0.93 <= held <= most


def test_disagreeing_seeds_widen_the_interval() -> None:
    generator = np.random.default_rng(0)
    images = (generator.random((4, 2000)) < 0.1).astype(int)
    agreeing = difference_over_seeds(images)
    assert agreeing.is_significant
    assert agreeing.value == pytest.approx(images.mean())
    disagreeing = difference_over_seeds(images * np.array([[1], [-1], [1], [-1]]))
    assert not disagreeing.is_significant
    assert disagreeing.interval.high - disagreeing.interval.low > 5 * (
        agreeing.interval.high - agreeing.interval.low
    )


def test_contrasts_add_up() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.integers(-1, 2, (3, 50)), generator.integers(-1, 2, (3, 80))
    found = difference_over_seeds(one, -other)
    assert found.value == pytest.approx(one.mean() - other.mean())
    assert found.num_images == 130
    none = difference_over_seeds(np.zeros((2, 5)))
    assert (none.interval.low, none.interval.high, none.is_significant) == (0, 0, False)
    with pytest.raises(ValueError, match="at least two seeds"):
        difference_over_seeds(np.zeros((1, 5)))
