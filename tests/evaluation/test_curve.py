"""Readings of invented and simulated histories; tests/run/test_curve_cases.py has real ones."""

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

TEN_CLASSES = CurveContext(12_000, 3_000, 188, class_fractions=(0.1,) * 10, val_chance=0.1)


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


def test_a_loss_that_is_nearly_zero_no_longer_learns() -> None:
    losses = [0.2, 0.01, 0.001, 2e-4, 1.8e-4, 1.6e-4, 1.5e-4, 1.45e-4, 1.40e-4, 1.35e-4, 1.3e-4]
    rows = ((loss, 1.0, loss, 1.0) for loss in losses)
    context = CurveContext(240, 60, 15, class_fractions=(0.5, 0.5), val_chance=0.5)
    assert "still-learning" not in names(read_curve(history(*rows), context))


def test_an_astronomic_loss_is_written_short() -> None:
    rows = ((1.09e29, 0.69, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0))
    context = CurveContext(320, 80, 20, class_fractions=(0.5, 0.5), val_chance=0.5)
    assert "from 1.1e+29 to 0.000" in read_curve(history(*rows), context).sentence


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


def test_a_finished_schedule_is_not_a_finished_network() -> None:
    falling = history(*((0.9**n, 1 - 0.5 * 0.9**n, 0.9**n, 1 - 0.5 * 0.9**n) for n in range(1, 9)))
    annealed = tuple(replace(row, learning_rate=0.001 * (8 - row.epoch)) for row in falling)
    for curve in (falling, annealed):
        assert names(read_curve(curve, TEN_CLASSES)) == ["still-learning"]
    assert "schedule has ended" in read_curve(annealed, TEN_CLASSES).sentence


def test_the_final_weights_distinguish_easy_images_from_dropout() -> None:
    rows = history(*((0.5, 0.80, 0.3, 0.90) for _ in range(8)))
    hard = replace(TEN_CLASSES, is_made_harder=True)
    assert names(read_curve(rows, hard))[-1] == "validation-easier"
    assert "this is normal" in read_curve(rows, hard).sentence
    as_good = outcomes(train=0.90)
    assert "this is normal" in read_curve(rows, hard, as_good).sentence
    worse = outcomes(train=0.80)
    assert "images are easier" in read_curve(rows, hard, worse).sentence


def outcomes(train: float, count: int = 3_000) -> ImageOutcomes:
    losses = np.where(np.arange(count) < 0.9 * count, 0.1, 2.0)
    return ImageOutcomes(np.arange(count) < train * count, losses, losses)


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
    st.integers(1, 200),
    st.booleans(),
)
def test_any_history_is_read(
    rows: list[tuple[float, float, float, float]],
    num_train: int,
    num_val: int,
    steps: int,
    is_harder: bool,
) -> None:
    context = CurveContext(num_train, num_val, steps, (0.1,) * 10, 0.1, is_made_harder=is_harder)
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


def test_one_step_is_no_divergence() -> None:
    one_batch = CurveContext(40, 10, 1, class_fractions=(0.5, 0.5), val_chance=0.5)
    reading = read_curve(history((1.43, 0.475, 0.31, 1.0)), one_batch)
    assert names(reading)[0] == "too-noisy"
    few = read_curve(history((1.43, 0.475, 0.7, 0.5), (0.9, 0.5, 0.6, 0.6), (0.67, 0.55, 0.6, 0.7)),
                     one_batch)  # fmt: skip
    assert names(few)[0] in ("still-learning", "too-noisy")
    assert "learning rate" not in few.sentence


@pytest.mark.parametrize(
    ("fractions", "smoothing", "expected"),
    [
        ((0.95, 0.05), 0.0, 0.1985),
        ((0.95, 0.05), 0.1, 0.3139),
        ((0.1,) * 10, 0.1, math.log(10)),
        ((1.0, 0.0), 0.0, 0.0),
    ],
)
def test_chance_loss_is_the_entropy_of_smoothed_labels(
    fractions: tuple[float, ...], smoothing: float, expected: float
) -> None:
    context = CurveContext(100, 20, 10, class_fractions=fractions, label_smoothing=smoothing)
    assert context.chance_loss == pytest.approx(expected, abs=2e-4)
    assert replace(context, has_penalty=True).chance_loss is None
    assert context.min_loss <= context.chance_loss


def test_a_skewed_set_without_anything_to_learn_is_not_divergence() -> None:
    skewed = CurveContext(160, 40, 20, (0.95, 0.05), val_chance=0.95, label_smoothing=0.1)
    rows = history((0.52, 0.93, 0.45, 0.95), *((0.314, 0.95, 0.315, 0.95) for _ in range(9)))
    reading = read_curve(rows, skewed)
    assert names(reading) == ["not-above-chance"]
    assert "Nothing was learned: training accuracy is 0.950, not clearly better" in reading.sentence
    assert "loss is 0.314, where always predicting the classes' frequencies has 0.314" in (
        reading.sentence
    )


def test_a_blown_up_loss_is_reported() -> None:
    rows = history((17.6, 0.11, 2.31, 0.1), *((2.304, 0.1, 2.303, 0.1) for _ in range(5)))
    reading = read_curve(rows, TEN_CLASSES)
    assert names(reading) == ["diverged"]
    assert "in epoch 1 the loss averaged 17.60, where an untrained network has 2.30" in (
        reading.sentence
    )


def test_steps_too_large_at_first_come_before_more_epochs() -> None:
    """With a learning rate of 0.1; ten epochs later validation accuracy was no higher."""
    rows = [(23.7, 0.1, 2.304, 0.119), (1.35, 0.486, 0.872, 0.648), (0.82, 0.697, 0.871, 0.679),
            (0.81, 0.696, 0.772, 0.715), (0.69, 0.742, 0.992, 0.641), (0.74, 0.738, 0.768, 0.736),
            (0.62, 0.778, 0.750, 0.719), (0.61, 0.768, 0.837, 0.744)]  # fmt: skip
    context = replace(TEN_CLASSES, num_train=2_000, num_val=1_000, steps_per_epoch=32)
    reading = read_curve(history(*rows), context)
    assert names(reading) == ["unstable"]
    assert "in epoch 1 the loss averaged 23.70, where an untrained network has 2.30" in (
        reading.sentence
    )
    rows[0] = (2.1, 0.4, 1.2, 0.5)
    assert names(read_curve(history(*rows), context))[0] == "still-learning"


def test_a_collapse_is_reported() -> None:
    rows = history((0.9, 0.7, 0.8, 0.7), (0.7, 0.76, 0.8, 0.7), (2.3, 0.1, 2.3, 0.1),
                   (2.3, 0.1, 2.3, 0.1))  # fmt: skip
    reading = read_curve(rows, TEN_CLASSES)
    assert names(reading) == ["diverged"]
    assert "training accuracy had reached 0.760 in epoch 2" in reading.sentence


def with_losses(val_losses: list[float], gap: float = 0.08) -> History:
    """A training accuracy of 0.99 from the start, and these validation losses."""
    falling = np.linspace(0.30, 0.05, len(val_losses))
    return history(*((falling[k], 0.99, loss, 0.99 - gap) for k, loss in enumerate(val_losses)))


@pytest.mark.parametrize(
    "val_losses",
    [[0.960, 0.893, 0.884, 0.876, 0.867], [0.50, 0.42, 0.38, 0.360, 0.330, 0.310, 0.300, 0.296]],
)
def test_a_falling_validation_loss_is_never_overfitting(val_losses: list[float]) -> None:
    reading = read_curve(with_losses(val_losses), TEN_CLASSES)
    assert "overfitting" not in names(reading)
    assert "does not" not in reading.sentence


def test_three_epochs_of_a_finished_schedule_are_still_learning() -> None:
    rows = history((1.2, 0.6, 0.95, 0.720), (0.85, 0.74, 0.88, 0.762), (0.75, 0.8, 0.80, 0.815))
    annealed = tuple(replace(row, learning_rate=0.02 * (3 - row.epoch)) for row in rows)
    small = CurveContext(640, 160, 5, (0.1,) * 10, 0.1, label_smoothing=0.1)
    for curve, steps in ((annealed, 5), (annealed, 100), (annealed[:2], 100)):
        reading = read_curve(curve, replace(small, steps_per_epoch=steps))
        assert names(reading) == ["still-learning"]
        assert "validation loss from 0.950 to" in reading.sentence
