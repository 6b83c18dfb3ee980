"""Paired comparisons, against brute force, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from clearsight.evaluation.paired import PairedComparison


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 2), (30, 11), (40, 41)])
def test_the_p_value_is_the_exact_binomial_one(first: int, second: int) -> None:
    found = PairedComparison(1000, first, second).p_value
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("only_first", "only_second"), [(0.08, 0.05), (0.03, 0.03), (0.2, 0.1)])
def test_the_interval_holds_the_truth_as_often_as_it_says(
    only_first: float, only_second: float
) -> None:
    generator = np.random.default_rng(0)
    shares = [only_first, only_second, 1 - only_first - only_second]
    drawn = generator.multinomial(400, shares, size=2000)
    truth = only_first - only_second
    held = [truth in PairedComparison(400, a, b).interval for a, b, _ in drawn.tolist()]
    assert 0.93 <= np.mean(held) <= 0.97


def test_so_many_pictures_as_it_says_tell_four_times_in_five() -> None:
    needed = PairedComparison(1000, 60, 40).num_images_needed
    assert needed is not None
    drawn = np.random.default_rng(0).multinomial(needed, [0.06, 0.04, 0.9], size=1000)
    told = [PairedComparison(needed, a, b).p_value < 0.05 for a, b, _ in drawn.tolist()]
    assert 0.75 <= np.mean(told) <= 0.85


def test_it_counts_by_picture_and_says_so() -> None:
    first = np.array([True] * 90 + [False] * 10)
    second = np.array([True] * 60 + [False] * 30 + [True] * 10)
    found = PairedComparison.of(first, second)
    assert (found.only_first, found.only_second) == (30, 10)
    assert found.difference == pytest.approx(0.2)
    assert found.sentence("a", "b").startswith("a is better than b by 20.0 points")
    assert PairedComparison(100, 3, 5).sentence("a", "b").startswith("These 100 pictures cannot")
    assert "they did equally well" in PairedComparison(100, 4, 4).sentence("a", "b")
