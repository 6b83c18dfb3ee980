"""How far training has come: too early or noisy to tell, still learning, underfitting, converged.

A curve that is too short for a trend is only for `too_short`.
"""

import math

from clearsight.evaluation.curve.finding import CurveFinding, loss_text
from clearsight.evaluation.curve.gap import MIN_GAP, points
from clearsight.evaluation.curve.statistics import (
    MIN_EPOCHS,
    MIN_FALL,
    MIN_PLATEAU_STEPS,
    WIDE,
    CurveStatistics,
)

_FAST_FALL = 0.10  # of training loss in the last stretch, as a fraction
_CLEAR_ERROR = 0.05  # training error that leaves clearly more to learn
_WIDE_GAP = 0.05
_CLEAR_RISE, _MIN_RISE = 0.2, 0.02  # of validation loss: as a fraction, and in nats
_SLOW = 0.002  # rise of training accuracy per epoch


def too_short(curve: CurveStatistics) -> CurveFinding | None:
    """Detect too few epochs or steps for any trend."""
    return _early(curve) if curve.is_short else None


def too_short_for_plateau(curve: CurveStatistics) -> CurveFinding | None:
    """Detect too few steps to tell a plateau from a slow start."""
    context, accuracy = curve.context, curve.end_gap.train
    is_learned = 1 - accuracy < _CLEAR_ERROR and not curve.is_at_chance(
        accuracy, context.chance, context.num_train
    )
    return None if is_learned or curve.num_steps >= MIN_PLATEAU_STEPS else _early(curve)


def _early(curve: CurveStatistics) -> CurveFinding:
    """Describe the start of a training, whatever it shows."""
    epochs, gap = curve.num_epochs, curve.end_gap
    evidence = {"num_epochs": epochs, "num_steps": curve.num_steps, **gap.evidence}
    if epochs == 1:
        return CurveFinding(
            "too-noisy",
            f"One epoch shows no trend: {gap.description}; train for more epochs.",
            evidence,
        )
    changes = (
        f"training loss went from {loss_text(curve.loss[0])} to {loss_text(curve.loss[-1])}, and "
        f"validation loss from {loss_text(curve.val_loss[0])} to {loss_text(curve.val_loss[-1])}; "
        "train for more epochs."
    )
    both = (curve.loss, curve.val_loss)
    is_falling = all(curve.fall(losses[0], losses[-1]) > MIN_FALL for losses in both)
    count = f"{epochs} epochs ({curve.num_steps:,} steps)"
    if is_falling and curve.lowest_epoch == epochs:
        return CurveFinding("still-learning", f"Still learning: in {count}, {changes}", evidence)
    what = "show a trend" if curve.is_short else "tell a plateau from a slow start"
    return CurveFinding("too-noisy", f"{count} are too few to {what}: {changes}", evidence)


def still_learning(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a validation loss that falls, or a validation accuracy that rises."""
    changes = []
    if curve.is_val_loss_falling_steadily:
        changes.append(
            f"validation loss has fallen in each of the last {MIN_EPOCHS - 1} epochs, from "
            f"{curve.val_loss[-MIN_EPOCHS]:.3f} to {curve.val_loss[-1]:.3f}"
        )
    elif curve.is_val_loss_falling:
        changes.append(f"validation loss {curve.describe_recent(curve.val_loss)}")
    if curve.is_val_accuracy_rising:
        before = curve.val_accuracy[-curve.num_late]
        changes.append(
            f"validation accuracy has risen from {before:.3f} to {curve.val_accuracy[-1]:.3f} over "
            f"the last {curve.num_late} epochs"
        )
    if not changes:
        return None
    more = (
        "the learning rate's schedule has ended, but with more epochs it may improve further"
        if curve.is_annealed
        else "with more epochs it should improve further"
    )
    gap = curve.end_gap
    gap_clause = f"; {gap.description}" if gap.half_width < WIDE else ""
    return CurveFinding(
        "still-learning",
        f"Still learning: {', and '.join(changes)}; {more}{gap_clause}.",
        _evidence(curve),
    )


def still_fitting(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a training loss that falls, so that validation may follow."""
    gap = curve.end_gap
    if gap.value >= MIN_GAP and gap.interval.low > 0:
        is_falling = curve.recent_fall(curve.loss) > _FAST_FALL and not curve.is_annealed
    else:
        is_falling = curve.is_loss_falling
    if not is_falling or 1 - gap.train < _CLEAR_ERROR:
        return None
    first, last = curve.loss[-curve.num_late], curve.loss[-1]
    return CurveFinding(
        "still-learning",
        f"Still learning: training loss has fallen from {first:.3f} to {last:.3f} over the last "
        f"{curve.num_late} epochs, and validation loss {curve.describe_recent(curve.val_loss)}"
        f"; {gap.description}; more epochs will show whether validation follows.",
        _evidence(curve),
    )


def _evidence(curve: CurveStatistics) -> dict[str, float | int]:
    return {
        "val_loss_fall": curve.recent_fall(curve.val_loss),
        "train_loss_fall": curve.recent_fall(curve.loss),
        "num_epochs": curve.num_epochs,
        "over_epochs": curve.last_stretch,
        "train_accuracy": curve.end_gap.train,
        **curve.end_gap.evidence,
    }


def too_noisy(curve: CurveStatistics) -> CurveFinding | None:
    """Detect too few validation images."""
    gap = curve.end_gap
    half_width = gap.half_width
    if half_width < WIDE or (gap.interval.low > 0 and half_width < 2 * WIDE):
        return None
    num_val = curve.context.num_val
    precision = max(min(abs(gap.value), WIDE), MIN_GAP)
    # An interval's width is inversely proportional to the root of the number of images.
    needed = math.ceil(num_val * (half_width / precision) ** 2)
    return CurveFinding(
        "too-noisy",
        f"{num_val:,} validation images are too few to tell how large the gap is: "
        f"{gap.description}; about {needed:,} are needed to measure it to within "
        f"{points(precision)}.",
        {**gap.evidence, "num_val_needed": needed},
    )


def unclear_rise(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a validation loss that has risen, on so few images that it may be due to chance."""
    lowest, last = float(curve.val_loss.min()), float(curve.val_loss[-1])
    num_val, rise = curve.context.num_val, curve.loss_rise
    if rise < max(_CLEAR_RISE * lowest, _MIN_RISE) or rise > 2 * curve.loss_noise:
        return None
    excess = 2 * curve.loss_noise / rise
    needed = math.ceil(num_val * excess**2)
    return CurveFinding(
        "too-noisy",
        f"{num_val:,} validation images are too few to tell whether validation loss has risen by "
        f"chance, from {lowest:.3f} in epoch {curve.lowest_epoch} to {last:.3f}; about {needed:,} "
        f"are needed; {curve.end_gap.description}.",
        {**curve.end_gap.evidence, "num_val_needed": needed},
    )


def underfitting(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a training accuracy that has itself levelled off low."""
    gap = curve.end_gap
    slope = curve.late_slope(curve.accuracy)
    if (
        1 - gap.train < _CLEAR_ERROR
        or gap.interval.high > 1 - gap.train
        or (gap.value > _WIDE_GAP and gap.interval.low > 0)
        or curve.is_loss_falling
        or (slope is not None and slope.is_rising and slope.per_epoch > _SLOW)
    ):
        return None
    return CurveFinding(
        "underfitting",
        f"Underfitting: training accuracy has levelled off at {gap.train:.3f}, and validation "
        f"accuracy with it: {gap.description}; a larger network may learn more, if these images "
        "have more to show.",
        {"train_accuracy": gap.train, **gap.evidence},
    )


def converged(curve: CurveStatistics) -> CurveFinding:
    """Describe a curve whose validation scores hardly change."""
    gap = curve.end_gap
    changes = (
        f"validation loss {curve.describe_recent(curve.val_loss)}, and validation accuracy "
        f"{curve.describe_recent(curve.val_accuracy)}"
    )
    if gap.interval.low > 0 and curve.is_loss_falling:
        said = (
            f"Training still improves, but validation hardly does: training loss "
            f"{curve.describe_recent(curve.loss)}, {changes}"
        )
    else:
        said = f"Converged: {changes}"
    if curve.is_annealed:
        said += "; the learning rate has reached the end of its schedule"
    return CurveFinding(
        "converged",
        f"{said}; {gap.description}.",
        {"val_accuracy": float(curve.val_accuracy[-1]), **gap.evidence},
    )
