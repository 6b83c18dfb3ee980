"""Readings of made-up histories; tests/run/test_curve_cases.py reads real ones."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.evaluation.curve.reading import CurveReading, read_curve
from clearsight.evaluation.curve.statistics import fit_slope
from clearsight.training.history import Epoch, History

TEN_CLASSES = CurveContext(12_000, 3_000, chance=0.1, chance_loss=math.log(10))


def history(*rows: tuple[float, float, float, float]) -> History:
    """Make a history of (loss, accuracy, val_loss, val_accuracy)."""
    return tuple(Epoch(number, *row, 1.0, 0.001) for number, row in enumerate(rows, start=1))


def names(reading: CurveReading) -> list[str]:
    return [finding.name for finding in reading.findings]


# The lesson's own curve, as the reference job gives it.
LESSON = history(
    (0.62, 0.777, 0.44, 0.841),
    (0.40, 0.857, 0.38, 0.861),
    (0.34, 0.877, 0.35, 0.873),
    (0.30, 0.890, 0.33, 0.880),
    (0.27, 0.902, 0.32, 0.884),
    (0.24, 0.913, 0.32, 0.884),
    (0.21, 0.922, 0.32, 0.886),
    (0.18, 0.933, 0.33, 0.886),
    (0.16, 0.941, 0.35, 0.884),
    (0.14, 0.949, 0.37, 0.883),
)


def test_the_lessons_curve_overfits_since_an_epoch_by_an_amount() -> None:
    reading = read_curve(LESSON, TEN_CLASSES)
    assert names(reading) == ["overfitting"]
    assert reading.sentence.startswith(
        "Overfitting since epoch 6: training accuracy ends 6.6 points above validation (95% "
        "interval 5.4 to 7.9), and the gap widens by "
    )
    assert "validation loss was lowest in epoch 5 (0.320) and has risen to 0.370" in (
        reading.sentence
    )
    evidence = reading.findings[0].evidence
    assert evidence["gap"] == pytest.approx(0.066)
    assert evidence["gap_per_epoch_low"] < evidence["gap_per_epoch"]
    assert reading.best_epoch == 7


def test_twenty_validation_images_are_too_few() -> None:
    rows = history(*((1 / n, 1 - 0.3 / n, 0.5, 0.90) for n in range(1, 9)))
    reading = read_curve(rows, replace(TEN_CLASSES, num_val=20))
    assert names(reading) == ["too-noisy"]
    needed = reading.findings[0].evidence["num_val_needed"]
    assert needed > 20
    # With that many images, the same curve can be read.
    more = read_curve(rows, replace(TEN_CLASSES, num_val=int(needed) * 4))
    assert "too-noisy" not in names(more)


def test_one_epoch_shows_no_trend() -> None:
    reading = read_curve(LESSON[:1], TEN_CLASSES)
    assert names(reading) == ["too-noisy"]
    assert "One epoch shows no trend" in reading.sentence


def test_a_loss_that_is_not_finite_is_the_only_finding() -> None:
    spoiled = (*LESSON[:4], replace(LESSON[4], loss=float("nan")))
    reading = read_curve(spoiled, TEN_CLASSES)
    assert reading.sentence.startswith("The loss stopped being a finite number in epoch 5")
    assert names(reading) == ["diverged"]


def test_an_annealed_curve_is_not_still_learning() -> None:
    falling = history(*((0.9**n, 1 - 0.5 * 0.9**n, 0.9**n, 1 - 0.5 * 0.9**n) for n in range(1, 9)))
    assert names(read_curve(falling, TEN_CLASSES))[0] == "still-learning"
    annealed = replace(TEN_CLASSES, is_annealed=True)
    assert "still-learning" not in names(read_curve(falling, annealed))


def test_the_final_weights_distinguish_easy_images_from_dropout() -> None:
    rows = history(*((0.5, 0.80, 0.3, 0.90) for _ in range(8)))
    hard = replace(TEN_CLASSES, is_made_harder=True)
    assert names(read_curve(rows, hard))[-1] == "validation-easier"
    assert "this is normal" in read_curve(rows, hard).sentence
    as_good = outcomes(train=0.90, val=0.90)
    assert "this is normal" in read_curve(rows, hard, as_good).sentence
    worse = outcomes(train=0.80, val=0.90)
    assert "images are easier" in read_curve(rows, hard, worse).sentence


def outcomes(train: float, val: float, count: int = 3_000) -> ImageOutcomes:
    right = np.arange(count) < val * count
    losses = np.where(right, 0.1, 2.0)
    return ImageOutcomes(np.arange(count) < train * count, right, losses, losses)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=30))
def test_slopes_are_those_of_scipy(values: list[float]) -> None:
    found = fit_slope(np.array(values))
    assume(np.ptp(values) > 1e-6)
    expected = stats.linregress(np.arange(len(values)), values)
    assert found is not None
    assert found.per_epoch == pytest.approx(expected.slope, abs=1e-9)
    half_width = stats.t.ppf(0.975, len(values) - 2) * expected.stderr
    assert found.interval.high - found.per_epoch == pytest.approx(half_width, rel=2e-3, abs=1e-7)


shares = st.floats(0, 1)
losses = st.one_of(st.floats(0, 50), st.just(float("nan")), st.just(float("inf")))


@given(
    st.lists(st.tuples(losses, shares, losses, shares), min_size=1, max_size=40),
    st.integers(1, 100_000),
    st.integers(1, 100_000),
    st.booleans(),
    st.booleans(),
)
def test_any_history_is_read(
    rows: list[tuple[float, float, float, float]],
    num_train: int,
    num_val: int,
    is_harder: bool,
    is_annealed: bool,
) -> None:
    context = CurveContext(
        num_train, num_val, 0.1, math.log(10), is_made_harder=is_harder, is_annealed=is_annealed
    )
    reading = read_curve(history(*rows), context)
    assert reading.findings
    assert len({finding.name for finding in reading.findings}) == len(reading.findings)
    for finding in reading.findings:
        assert finding.sentence.endswith(".")
        assert "nan" not in finding.sentence
        assert finding.evidence
        assert all(math.isfinite(value) for value in finding.evidence.values())
    if not all(math.isfinite(row[0]) and math.isfinite(row[2]) for row in rows):
        assert names(reading) == ["diverged"]


def test_noise_alone_is_rarely_read_as_a_trend() -> None:
    """Flat curves without a gap, with sampling noise."""
    generator = np.random.default_rng(0)
    true, num_wrong = 0.85, 0
    for _ in range(500):
        rows = [
            (
                0.4,
                generator.binomial(2_000, true) / 2_000,
                0.4 + generator.normal(0, 0.005),
                generator.binomial(1_000, true) / 1_000,
            )
            for _ in range(12)
        ]
        reading = read_curve(history(*rows), replace(TEN_CLASSES, num_train=2_000, num_val=1_000))
        num_wrong += bool({"overfitting", "diverged", "still-learning"} & set(names(reading)))
    assert num_wrong <= 10
