"""How far a curve has come: too noisy to say, still learning, underfitting, converged."""

from __future__ import annotations

import math

from clearsight.evaluation.curve.finding import LEAST_GAP, CurveFinding, points
from clearsight.evaluation.curve.measures import CurveMeasures

_LEAST_FALL = 0.03  # of a loss over the last quarter of the epochs, as a share
_FAST_FALL = 0.10  # of training loss likewise: nothing that falls so fast has levelled off
_CLEAR_ERROR = 0.05  # of training accuracy: so much is left to learn of the training images
_WIDE = 0.05  # half the width of a gap's interval


def too_noisy(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether the validation images are too few, or the epochs."""
    gap, interval = measures.end_gap
    half_width = (interval.high - interval.low) / 2
    known = measures.circumstances
    if measures.num_epochs < 2:
        return CurveFinding(
            "too-noisy",
            f"One epoch shows no direction: {measures.end_gap_in_words}; train for some more.",
            {"num_epochs": measures.num_epochs},
        )
    if half_width < _WIDE or (interval.low > 0 and half_width < 2 * _WIDE):
        return None
    within = max(min(abs(gap), _WIDE), LEAST_GAP)
    # An interval's width goes with the root of the number of images.
    needed = math.ceil(known.num_val * (half_width / within) ** 2)
    return CurveFinding(
        "too-noisy",
        f"{known.num_val:,} validation images are too few to say: "
        f"{measures.end_gap_in_words}; about {needed - known.num_val:,} more would tell the gap "
        f"to within {points(within)}.",
        {"gap": gap, "gap_low": interval.low, "gap_high": interval.high, "num_val_needed": needed},
    )


def still_learning(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether validation loss was falling, or training loss so fast that it may follow."""
    if measures.circumstances.is_annealed or measures.num_epochs < 2:
        return None
    stretch = measures.last_stretch
    train_fall, val_fall = (
        measures.recent_fall(losses) for losses in (measures.loss, measures.val_loss)
    )
    fall_in_nats = val_fall * float(measures.val_loss[-1])
    is_falling = val_fall > _LEAST_FALL and fall_in_nats > measures.loss_noise
    is_at_its_best = measures.lowest_epoch > measures.num_epochs - stretch - 1
    epochs = "the last epoch" if stretch == 1 else f"the last {stretch} epochs"
    if train_fall > _LEAST_FALL and is_falling and is_at_its_best:
        said = (
            f"validation loss has fallen by {val_fall:.0%} over {epochs}, to "
            f"{measures.val_loss[-1]:.3f}, and validation accuracy stands at "
            f"{measures.val_accuracy[-1]:.3f}; more epochs will gain more."
        )
    elif train_fall > _FAST_FALL and 1 - measures.end_train_accuracy > _CLEAR_ERROR:
        said = (
            f"training loss has fallen by {train_fall:.0%} over {epochs}, to "
            f"{measures.loss[-1]:.3f}, and {measures.end_gap_in_words}; more epochs will "
            "show whether validation follows."
        )
    else:
        return None
    return CurveFinding(
        "still-learning",
        f"Still learning: {said}",
        {"val_loss_fall": val_fall, "train_loss_fall": train_fall, "over_epochs": stretch},
    )


def underfitting(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether training accuracy itself has levelled off low."""
    gap, interval = measures.end_gap
    error = 1 - measures.end_train_accuracy
    if error < _CLEAR_ERROR or interval.high > error:
        return None
    return CurveFinding(
        "underfitting",
        f"Underfitting: training accuracy has levelled off at {measures.end_train_accuracy:.3f}, "
        f"and validation with it ({measures.end_gap_in_words}); a larger network may learn "
        "more, unless these images do not show more.",
        {
            "train_accuracy": 1 - error,
            "gap": gap,
            "gap_low": interval.low,
            "gap_high": interval.high,
        },
    )


def converged(measures: CurveMeasures) -> CurveFinding:
    """Say where a curve that has levelled off stands."""
    gap, interval = measures.end_gap
    end = (
        "the learning rate has come to its end, and"
        if measures.circumstances.is_annealed
        else "validation loss no longer falls, and"
    )
    return CurveFinding(
        "converged",
        f"Converged: {end} validation accuracy has levelled off at "
        f"{measures.val_accuracy[-1]:.3f} ({measures.end_gap_in_words}).",
        {
            "val_accuracy": float(measures.val_accuracy[-1]),
            "gap": gap,
            "gap_low": interval.low,
            "gap_high": interval.high,
        },
    )
