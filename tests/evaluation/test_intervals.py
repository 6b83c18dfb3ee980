from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from clearsight.evaluation.intervals.proportions import (
    difference_interval,
    mean_interval,
    wilson_interval,
)

counts = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_wilson_is_scipys(count: tuple[int, int]) -> None:
    expected = binomtest(*count).proportion_ci(method="wilson")
    found = wilson_interval(*count)
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert count[0] / count[1] in found


def test_counts_that_are_no_share_are_refused() -> None:
    for hits, trials in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="is not a share"):
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
def test_the_difference_turns_round_with_its_sides(first, second) -> None:
    forward, backward = difference_interval(first, second), difference_interval(second, first)
    assert forward.low == pytest.approx(-backward.high)
    assert first[0] / first[1] - second[0] / second[1] in forward


@pytest.mark.parametrize("count", [3, 4, 5, 10, 50])
def test_the_interval_of_a_mean_is_students(count: int) -> None:
    values = np.random.default_rng(count).standard_normal(count)
    expected = t.interval(0.95, count - 1, values.mean(), values.std(ddof=1) / np.sqrt(count))
    found = mean_interval(values)
    assert found is not None
    # The quantile's expansion is 0.12% off at three degrees of freedom, less beyond.
    half_width = (expected[1] - expected[0]) / 2
    assert (found.low, found.high) == pytest.approx(expected, abs=0.002 * half_width)
    assert mean_interval(values[:2]) is None
