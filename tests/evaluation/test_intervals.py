"""Intervals against scipy and published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from clearsight.evaluation.intervals.interval import mean_interval, t_interval, t_quantile
from clearsight.evaluation.intervals.proportions import difference_interval, wilson_interval

counts = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_wilson_is_scipys(count: tuple[int, int]) -> None:
    expected = binomtest(*count).proportion_ci(method="wilson")
    found = wilson_interval(*count)
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert count[0] / count[1] in found


def test_impossible_counts_are_refused() -> None:
    for hits, trials in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="Expected 0 to num_trials hits"):
            wilson_interval(hits, trials)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        # Newcombe 1998, table II, method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_newcombe_is_as_published(first, second, low: float, high: float) -> None:
    found = difference_interval(first, second)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(counts, counts)
def test_swapping_the_sides_negates_the_difference(first, second) -> None:
    forward, backward = difference_interval(first, second), difference_interval(second, first)
    assert forward.low == pytest.approx(-backward.high)
    assert first[0] / first[1] - second[0] / second[1] in forward


@pytest.mark.parametrize("count", [3, 4, 5, 10, 50])
def test_the_interval_of_a_mean_is_students(count: int) -> None:
    values = np.random.default_rng(count).standard_normal(count)
    expected = t.interval(0.95, count - 1, values.mean(), values.std(ddof=1) / np.sqrt(count))
    found = mean_interval(values)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)
    assert mean_interval(values[:2]) is None


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 99, 1000])
def test_the_t_quantile_is_scipys_and_fractions_are_rounded_down(freedom: int) -> None:
    found = t_interval(0.0, 1.0, freedom)
    assert found.high == pytest.approx(t.ppf(0.975, freedom), rel=1e-9)
    assert t_interval(0.0, 1.0, freedom + 0.9) == found


def test_students_quantiles_are_scipys() -> None:
    freedom = np.array([*range(1, 400), 10_000, 10**7])
    found = [t_quantile(int(number)) for number in freedom]
    np.testing.assert_allclose(found, t.ppf(0.975, freedom), rtol=1e-10)
