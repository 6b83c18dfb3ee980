"""Detects overfitting: since which epoch, and how certain it is."""

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import MIN_GAP, points
from clearsight.evaluation.curve.statistics import MIN_EPOCHS, CurveStatistics

_MIN_RISE = 0.05  # of validation loss, as a fraction of its minimum
_STALLED = 0.01  # change of validation loss, as a fraction: up to here it neither falls nor rises
_MEMORIZED = 1 / 3  # training errors per validation error
_SLOW = 0.002  # gain in validation accuracy per epoch that no longer counts as progress


def overfitting(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a network that keeps learning its training images but not the classes.

    A gap alone does not show it: while validation loss falls, or validation accuracy rises, what is
    learned still helps with other images.
    """
    gap = curve.end_gap
    if curve.is_val_accuracy_rising or curve.val_loss[-1] == curve.val_loss[-MIN_EPOCHS:].min():
        return None
    gap_slope = curve.late_slope(curve.accuracy - curve.val_accuracy)
    is_widening = gap_slope is not None and gap_slope.is_rising
    has_risen = _has_risen(curve)
    if not has_risen and not (
        gap.interval.low > MIN_GAP and _has_stalled(curve) and (is_widening or _is_memorized(curve))
    ):
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
        at_lowest = curve.loss[curve.lowest_epoch - 1]
        sentence += (
            f"; validation loss was lowest in epoch {curve.lowest_epoch} "
            f"({curve.val_loss.min():.3f}) and has risen to {curve.val_loss[-1]:.3f}, while "
            f"training loss has fallen from {at_lowest:.3f} to {curve.loss[-1]:.3f}"
        )
    else:
        sentence += (
            f"; training loss {curve.describe_recent(curve.loss)}, and validation loss "
            f"{curve.describe_recent(curve.val_loss)}"
        )
    return CurveFinding("overfitting", f"{sentence}.", evidence)


def _has_stalled(curve: CurveStatistics) -> bool:
    """Return whether neither validation loss nor validation accuracy improves any more."""
    slope = curve.late_slope(curve.val_accuracy)
    return (
        curve.recent_fall(curve.val_loss) < _STALLED
        and slope is not None
        and not slope.is_rising
        and slope.per_epoch < _SLOW
    )


def _is_memorized(curve: CurveStatistics) -> bool:
    """Return whether there are far fewer errors on training images than on validation images."""
    return 1 - curve.end_gap.train < _MEMORIZED * curve.min_val_error


def _has_risen(curve: CurveStatistics) -> bool:
    """Return whether validation loss has risen by more than chance while training loss fell.

    Without a gap in accuracy, only a steady rise counts.
    """
    rise, slope, lowest = curve.loss_rise, curve.late_slope(curve.val_loss), curve.lowest_epoch - 1
    is_steady = slope is not None and slope.is_rising
    has_gap = curve.end_gap.interval.low > 0
    return (
        curve.val_loss[-1] > (1 + _STALLED) * curve.val_loss[lowest]
        and curve.loss[-1] < curve.loss[lowest]
        and rise > _MIN_RISE * curve.val_loss[lowest]
        and rise > 2 * curve.loss_noise
        and (is_steady or (has_gap and rise > 2 * curve.roughness))
    )
