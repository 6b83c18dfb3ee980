"""Paired comparisons, against brute force, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from clearsight.evaluation.comparison.paired import PairedComparison


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0, 0), (1, 0), (5, 2), (30, 11), (40, 41), (3000, 2800), (20_000, 19_800), (0, 900),
    ],
)  # fmt: skip
def test_the_p_value_is_the_exact_binomial_one(first: int, second: int) -> None:
    found = PairedComparison(100_000, first, second).p_value
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("only_first", "only_second"), [(0.08, 0.05), (0.03, 0.03), (0.2, 0.1)])
def test_the_interval_contains_the_truth_95_percent_of_the_time(
    only_first: float, only_second: float
) -> None:
    generator = np.random.default_rng(0)
    fractions = [only_first, only_second, 1 - only_first - only_second]
    drawn = generator.multinomial(400, fractions, size=2000)
    truth = only_first - only_second
    held = [truth in PairedComparison(400, a, b).interval for a, b, _ in drawn.tolist()]
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("num_images", [100, 1000, 10_000])
@pytest.mark.parametrize("only_first", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("only_second", [0.02, 0.1, 0.3])
def test_the_interval_covers_many_truths(
    num_images: int, only_first: float, only_second: float
) -> None:
    generator = np.random.default_rng(1)
    fractions = [only_first, only_second, 1 - only_first - only_second]
    drawn = generator.multinomial(num_images, fractions, size=20_000)
    truth = only_first - only_second
    held = [truth in PairedComparison(num_images, a, b).interval for a, b, _ in drawn.tolist()]
    # A handful of images has only a handful of possible intervals: too wide, on the safe side.
    is_handful = num_images * (only_first + only_second) < 10
    assert 0.93 <= np.mean(held) <= (0.99 if is_handful else 0.97)


def test_the_interval_stays_within_minus_one_and_one() -> None:
    for first, second in ((3, 0), (0, 3)):
        interval = PairedComparison(3, first, second).interval
        assert -1 <= interval.low < interval.high <= 1


def test_the_number_of_images_needed_gives_80_percent_power() -> None:
    needed = PairedComparison(1000, 60, 40).num_images_needed
    assert needed is not None
    drawn = np.random.default_rng(0).multinomial(needed, [0.06, 0.04, 0.9], size=1000)
    significant = [PairedComparison(needed, a, b).p_value < 0.05 for a, b, _ in drawn.tolist()]
    assert 0.75 <= np.mean(significant) <= 0.85


def test_counts_are_by_image_and_the_sentence_reports_them() -> None:
    first = np.array([True] * 90 + [False] * 10)
    second = np.array([True] * 60 + [False] * 30 + [True] * 10)
    found = PairedComparison.of(first, second)
    assert (found.only_first, found.only_second) == (30, 10)
    assert found.difference == pytest.approx(0.2)
    assert found.sentence("a", "b").startswith("a is better than b by 20.0 points")
    assert PairedComparison.of(second, first).sentence("b", "a").startswith("b is worse than a by")
    assert PairedComparison(100, 3, 5).sentence("a", "b").startswith("These 100 images are too few")
    assert "did equally well" in PairedComparison(100, 4, 4).sentence("a", "b")
