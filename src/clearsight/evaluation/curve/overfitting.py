"""Curves that part: overfitting, since when and how surely."""

from __future__ import annotations

from clearsight.evaluation.curve.finding import LEAST_GAP, CurveFinding, points
from clearsight.evaluation.curve.measures import CurveMeasures

_LEAST_RISE = 0.05  # of validation loss, as a share of its lowest
_LEAST_FALL = 0.03  # of a loss over the last quarter of the epochs, as a share
_BY_HEART = 1 / 3  # training errors for each validation error
_SLOW = 0.002  # of validation accuracy an epoch
_MANY = 100  # validation images, of which chance can be told


def overfitting(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether the network gets to know its training images and no longer others."""
    gap, interval = measures.end_gap
    if gap < LEAST_GAP or interval.low <= 0:
        return None
    has_risen = _has_risen(measures)
    widening = measures.late_slope(measures.accuracy - measures.val_accuracy)
    gaining = measures.late_slope(measures.val_accuracy)
    stands_still = gaining is not None and gaining.interval.low <= 0
    is_widening = stands_still and widening is not None and widening.interval.low > 0
    apart = measures.late_slope(measures.val_loss - measures.loss)
    is_parting = (
        apart is not None
        and apart.interval.low > 0
        and measures.recent_fall(measures.val_loss) < _LEAST_FALL
    )
    is_known_by_heart = (
        gaining is not None
        and gaining.per_epoch < _SLOW
        and 1 - measures.end_train_accuracy < _BY_HEART * measures.least_val_error
        and interval.low > 1.5 * LEAST_GAP
    )
    if not (has_risen or is_widening or is_parting or is_known_by_heart):
        return None
    since = measures.lowest_epoch + 1 if has_risen else measures.gap_since
    since = since or measures.num_epochs
    evidence: dict[str, float | int] = {
        "since_epoch": since,
        "gap": gap,
        "gap_low": interval.low,
        "gap_high": interval.high,
        "lowest_val_loss_epoch": measures.lowest_epoch,
        "lowest_val_loss": float(measures.val_loss.min()),
        "last_val_loss": float(measures.val_loss[-1]),
        "best_epoch": measures.best_epoch,
    }
    speed = ""
    if widening is not None:
        evidence |= {
            "gap_per_epoch": widening.per_epoch,
            "gap_per_epoch_low": widening.interval.low,
            "gap_per_epoch_high": widening.interval.high,
        }
        if widening.interval.low > 0:
            speed = f" and widens by {points(widening.per_epoch)} an epoch"
    loss = ""
    if has_risen:
        loss = (
            f"; validation loss was lowest in epoch {measures.lowest_epoch} "
            f"({measures.val_loss.min():.3f}) and has risen to {measures.val_loss[-1]:.3f}"
        )
    elif is_parting:
        loss = (
            f"; training loss goes on falling, to {measures.loss[-1]:.3f}, and validation loss "
            f"does not ({measures.val_loss[-1]:.3f})"
        )
    memory = ""
    num_val = measures.circumstances.num_val
    if num_val > _MANY and measures.is_at_chance(float(measures.val_accuracy[-1]), num_val):
        memory = (
            "; validation accuracy is no better than always naming the commonest class, as if "
            "labels and images did not belong together"
        )
    return CurveFinding(
        "overfitting",
        f"Overfitting since epoch {since}: {measures.end_gap_in_words}{speed}{loss}{memory}.",
        evidence,
    )


def _has_risen(measures: CurveMeasures) -> bool:
    """Tell whether validation loss has risen from its lowest beyond what it does by chance."""
    rise, trend = measures.loss_rise, measures.late_slope(measures.val_loss)
    is_steady = trend is not None and trend.interval.low > 0
    return (
        measures.lowest_epoch < measures.num_epochs
        and rise > _LEAST_RISE * measures.val_loss.min()
        and rise > 2 * measures.loss_noise
        and (is_steady or rise > 2 * measures.roughness)
    )
