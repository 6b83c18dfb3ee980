"""Overfitting: since when, and how certain it is."""

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import LEAST_GAP, points
from clearsight.evaluation.curve.statistics import LEAST_FALL, CurveStatistics

_LEAST_RISE = 0.05  # of validation loss, as a fraction of its minimum
_MEMORIZED = 1 / 3  # training errors per validation error
_SLOW = 0.002  # gain in validation accuracy per epoch
_ENOUGH = 100  # validation images to compare their accuracy with chance


def overfitting(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a network that keeps learning its training images but not the classes."""
    gap = curve.end_gap
    if gap.value < LEAST_GAP or gap.interval.low <= 0:
        return None
    gap_slope = curve.late_slope(curve.accuracy - curve.val_accuracy)
    val_slope = curve.late_slope(curve.val_accuracy)
    loss_gap_slope = curve.late_slope(curve.val_loss - curve.loss)
    is_widening = gap_slope is not None and gap_slope.is_rising
    has_stalled = val_slope is not None and not val_slope.is_rising
    has_risen = _has_risen(curve)
    losses_diverge = (
        loss_gap_slope is not None
        and loss_gap_slope.is_rising
        and curve.recent_fall(curve.val_loss) < LEAST_FALL
    )
    is_memorized = (
        val_slope is not None
        and val_slope.per_epoch < _SLOW
        and 1 - curve.end_train_accuracy < _MEMORIZED * curve.least_val_error
        and gap.interval.low > 1.5 * LEAST_GAP
    )
    if not (has_risen or (has_stalled and is_widening) or losses_diverge or is_memorized):
        return None
    since = curve.lowest_epoch + 1 if has_risen else curve.gap_since or curve.num_epochs
    evidence = {
        "since_epoch": since,
        **gap.evidence,
        "lowest_val_loss_epoch": curve.lowest_epoch,
        "lowest_val_loss": float(curve.val_loss.min()),
        "last_val_loss": float(curve.val_loss[-1]),
        "best_epoch": curve.best_epoch,
    }
    sentence = f"Overfitting since epoch {since}: {gap.description}"
    if gap_slope is not None:
        evidence |= {
            "gap_per_epoch": gap_slope.per_epoch,
            "gap_per_epoch_low": gap_slope.interval.low,
            "gap_per_epoch_high": gap_slope.interval.high,
        }
        if is_widening:
            sentence += f", and the gap widens by {points(gap_slope.per_epoch)} per epoch"
    if has_risen:
        sentence += (
            f"; validation loss was lowest in epoch {curve.lowest_epoch} "
            f"({curve.val_loss.min():.3f}) and has risen to {curve.val_loss[-1]:.3f}"
        )
    elif losses_diverge:
        sentence += (
            f"; training loss keeps falling, to {curve.loss[-1]:.3f}, but validation loss does "
            f"not ({curve.val_loss[-1]:.3f})"
        )
    num_val = curve.context.num_val
    if num_val > _ENOUGH and curve.is_at_chance(float(curve.val_accuracy[-1]), num_val):
        sentence += (
            "; validation accuracy is no better than always predicting the most common class, as "
            "if the labels did not belong to the images"
        )
    return CurveFinding("overfitting", f"{sentence}.", evidence)


def _has_risen(curve: CurveStatistics) -> bool:
    """Return whether validation loss has risen from its minimum by more than chance."""
    rise, slope = curve.loss_rise, curve.late_slope(curve.val_loss)
    is_steady = slope is not None and slope.is_rising
    return (
        curve.lowest_epoch < curve.num_epochs
        and rise > _LEAST_RISE * curve.val_loss.min()
        and rise > 2 * curve.loss_noise
        and (is_steady or rise > 2 * curve.roughness)
    )
