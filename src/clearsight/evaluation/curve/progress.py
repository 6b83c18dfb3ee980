"""How far training has come: too noisy to tell, still learning, underfitting, converged."""

import math

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import LEAST_GAP, points
from clearsight.evaluation.curve.statistics import LEAST_FALL, CurveStatistics

_FAST_FALL = 0.10  # of training loss over the last quarter of the epochs, as a fraction
_CLEAR_ERROR = 0.05  # training error that leaves clearly more to learn
_WIDE = 0.05  # half the width of a gap's interval


def too_noisy(curve: CurveStatistics) -> CurveFinding | None:
    """Detect too few validation images, or too few epochs."""
    gap = curve.end_gap
    if curve.num_epochs < 2:
        return CurveFinding(
            "too-noisy",
            f"One epoch shows no trend: {gap.description}; train for more epochs.",
            {"num_epochs": curve.num_epochs},
        )
    half_width = (gap.interval.high - gap.interval.low) / 2
    if half_width < _WIDE or (gap.interval.low > 0 and half_width < 2 * _WIDE):
        return None
    num_val = curve.context.num_val
    precision = max(min(abs(gap.value), _WIDE), LEAST_GAP)
    # An interval's width is inversely proportional to the root of the number of images.
    needed = math.ceil(num_val * (half_width / precision) ** 2)
    return CurveFinding(
        "too-noisy",
        f"{num_val:,} validation images are too few to tell: {gap.description}; about {needed:,} "
        f"are needed to measure the gap to within {points(precision)}.",
        {**gap.evidence, "num_val_needed": needed},
    )


def still_learning(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a falling validation loss, or a training loss so steep that it may follow."""
    if curve.context.is_annealed or curve.num_epochs < 2:
        return None
    stretch = curve.last_stretch
    train_fall, val_fall = curve.recent_fall(curve.loss), curve.recent_fall(curve.val_loss)
    fall_in_nats = val_fall * float(curve.val_loss[-1])
    is_falling = val_fall > LEAST_FALL and fall_in_nats > curve.loss_noise
    is_at_its_best = curve.lowest_epoch > curve.num_epochs - stretch - 1
    epochs = "the last epoch" if stretch == 1 else f"the last {stretch} epochs"
    if train_fall > LEAST_FALL and is_falling and is_at_its_best:
        evidence = (
            f"validation loss has fallen by {val_fall:.0%} over {epochs}, to "
            f"{curve.val_loss[-1]:.3f}, and validation accuracy has reached "
            f"{curve.val_accuracy[-1]:.3f}; more epochs will improve it further."
        )
    elif train_fall > _FAST_FALL and 1 - curve.end_train_accuracy > _CLEAR_ERROR:
        evidence = (
            f"training loss has fallen by {train_fall:.0%} over {epochs}, to "
            f"{curve.loss[-1]:.3f}, and {curve.end_gap.description}; more epochs will show "
            "whether validation follows."
        )
    else:
        return None
    return CurveFinding(
        "still-learning",
        f"Still learning: {evidence}",
        {"val_loss_fall": val_fall, "train_loss_fall": train_fall, "over_epochs": stretch},
    )


def underfitting(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a training accuracy that has itself levelled off low."""
    gap, accuracy = curve.end_gap, curve.end_train_accuracy
    if 1 - accuracy < _CLEAR_ERROR or gap.interval.high > 1 - accuracy:
        return None
    return CurveFinding(
        "underfitting",
        f"Underfitting: training accuracy has levelled off at {accuracy:.3f}, and validation "
        f"accuracy with it ({gap.description}); a larger network may learn more, if these images "
        "have more to show.",
        {"train_accuracy": accuracy, **gap.evidence},
    )


def converged(curve: CurveStatistics) -> CurveFinding:
    """Describe a curve that has levelled off."""
    reason = (
        "the learning rate has reached the end of its schedule"
        if curve.context.is_annealed
        else "validation loss has stopped falling"
    )
    return CurveFinding(
        "converged",
        f"Converged: {reason}, and validation accuracy has levelled off at "
        f"{curve.val_accuracy[-1]:.3f} ({curve.end_gap.description}).",
        {"val_accuracy": float(curve.val_accuracy[-1]), **curve.end_gap.evidence},
    )
