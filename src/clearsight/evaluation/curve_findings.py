"""What a training curve says: one function a finding, and the order in which they count."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from clearsight.evaluation.curve_measures import CurveMeasures
from clearsight.evaluation.intervals import Interval

FindingName = Literal[
    "diverged",
    "unstable",
    "validation-easier",
    "overfitting",
    "too-noisy",
    "still-learning",
    "underfitting",
    "converged",
]

# What matters in practice, beyond what can be told from noise.
_LEAST_GAP = 0.02  # of accuracy
_LEAST_RISE = 0.05  # of validation loss, as a share of its lowest
_LEAST_FALL = 0.03  # of a loss over the last quarter of the epochs, as a share
_CLEAR_ERROR = 0.05  # of training accuracy: so much is left to learn of the training pictures
_BY_HEART = 1 / 3  # training errors for each validation error
_SLOW = 0.002  # of validation accuracy an epoch
_MANY = 100  # validation pictures, of which chance can be told
_STUCK = 0.001  # of training loss over the last quarter of the epochs, as a share
_JUMP = 0.10  # of training loss, from one epoch to the next, as a share
_ROUGH = 0.05  # scatter of validation loss from epoch to epoch, as a share
_LEAST_ROUGH = 0.02  # the same, in nats
_DROP = 0.03  # of validation accuracy, likewise
_WIDE = 0.05  # half the width of a gap's interval
_LEAST_LEAK = 0.01  # share of the validation pictures


@dataclass(frozen=True)
class CurveFinding:
    """One thing that a curve says.

    Attributes:
        name: what programs call it.
        sentence: what people read.
        evidence: the numbers that it rests on, by name.
    """

    name: FindingName
    sentence: str
    evidence: dict[str, float | int] = field(default_factory=dict)


def find(measures: CurveMeasures) -> tuple[CurveFinding, ...]:
    """Read a curve.

    Returns:
        At least one finding, what matters most first.
    """
    ruined = _diverged(measures)
    if ruined is not None:
        return (ruined,)
    first = [found for read in (_leaked, _unstable) if (found := read(measures))]
    state = next(found for read in _STATES if (found := read(measures)) is not None)
    if first and state.name in ("underfitting", "converged"):
        return tuple(first)  # such a curve has levelled off nowhere
    if not first and (easier := _easier(measures)) is not None:
        # What pictures that stand for no others say of the network comes second.
        is_fault = not measures.circumstances.is_made_harder
        return (easier, state) if is_fault else (state, easier)
    return (*first, state)


def _diverged(measures: CurveMeasures) -> CurveFinding | None:
    finite = np.isfinite(measures.loss)
    if not finite.all():
        epoch = int(finite.argmin()) + 1
        return CurveFinding(
            "diverged",
            f"The loss stopped being a finite number in epoch {epoch}: training diverged, and what "
            "the network has learned since is worth nothing; train again with a learning rate ten "
            "times lower.",
            {"epoch": epoch},
        )
    known = measures.circumstances
    if not measures.is_at_chance(float(measures.accuracy[-1]), known.num_train):
        return None
    chance_loss = known.chance_loss or math.inf
    best = float(measures.accuracy.max())
    has_fallen_back = not measures.is_at_chance(best / 1.5, known.num_train)
    evidence = {
        "accuracy": float(measures.accuracy[-1]),
        "chance": known.chance or 0.0,
        "first_loss": float(measures.loss[0]),
        "last_loss": float(measures.loss[-1]),
        "chance_loss": chance_loss,
    }
    has_blown_up = measures.loss[0] > 1.1 * chance_loss
    if not (has_fallen_back or has_blown_up):
        if measures.num_epochs > 2 and measures.recent_fall(measures.loss) < _STUCK:
            return CurveFinding(
                "underfitting",
                f"Nothing was learned: training accuracy is {measures.accuracy[-1]:.3f}, as good "
                f"as always naming the commonest class ({known.chance:.3f}), and the loss no "
                "longer falls; a lower learning rate or another network may get away from there.",
                evidence,
            )
        return None
    return CurveFinding(
        "diverged",
        f"Training diverged: the loss began at {measures.loss[0]:.2f}, where guessing has "
        f"{chance_loss:.2f}, and training accuracy ended at {measures.accuracy[-1]:.3f}, as good "
        f"as always naming the commonest class ({known.chance:.3f}); the learning rate is far too "
        "high.",
        evidence,
    )


def _leaked(measures: CurveMeasures) -> CurveFinding | None:
    known = measures.circumstances
    if known.num_leaked < max(_LEAST_LEAK * known.num_val, 1):
        return None
    return CurveFinding(
        "validation-easier",
        f"{known.num_leaked:,} of the {known.num_val:,} validation pictures are also trained on: "
        "validation accuracy tells how well they are remembered, and hides overfitting; take them "
        "out first.",
        {"num_leaked": known.num_leaked, "num_val": known.num_val},
    )


def _unstable(measures: CurveMeasures) -> CurveFinding | None:
    if measures.num_epochs < 4:
        return None
    jumps = measures.loss[1:] / np.maximum(measures.loss[:-1], 1e-12) - 1
    # A loss of nearly nothing may double and still be nearly nothing.
    has_weight = np.maximum(measures.loss[1:], measures.loss[:-1]) > 0.15 * measures.loss.max()
    num_jumps = int(((jumps > _JUMP) & has_weight).sum())
    drop = max(_DROP, 3 * math.sqrt(2) * measures.val_noise)
    num_drops = int((np.diff(measures.val_accuracy) < -drop).sum())
    many = max(2, math.ceil(0.2 * (measures.num_epochs - 1)))
    if num_jumps < many and num_drops < many:
        return None
    told = [
        f"training loss jumped up by more than {_JUMP:.0%} {num_jumps} times"
        if num_jumps >= many
        else "",
        f"validation accuracy fell by more than {_points(drop)} {num_drops} times"
        if num_drops >= many
        else "",
    ]
    return CurveFinding(
        "unstable",
        f"Training is unstable: within {measures.num_epochs} epochs "
        f"{' and '.join(filter(None, told))}; the learning rate is too high for this network.",
        {"num_loss_jumps": num_jumps, "num_accuracy_drops": num_drops, "largest_drop": drop},
    )


def _overfitting(measures: CurveMeasures) -> CurveFinding | None:
    gap, interval = measures.end_gap
    if gap < _LEAST_GAP or interval.low <= 0:
        return None
    has_risen = _has_risen(measures)
    widening, gaining = measures.gap_slope(), measures.val_slope()
    stands_still = gaining is not None and gaining.interval.low <= 0
    is_widening = stands_still and widening is not None and widening.interval.low > 0
    is_known_by_heart = (
        gaining is not None
        and gaining.per_epoch < _SLOW
        and 1 - measures.end_train_accuracy < _BY_HEART * measures.least_val_error
        and interval.low > 1.5 * _LEAST_GAP
    )
    if not (has_risen or is_widening or is_known_by_heart):
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
            speed = f" and widens by {_points(widening.per_epoch)} an epoch"
    loss = (
        f"; validation loss was lowest in epoch {measures.lowest_epoch} "
        f"({measures.val_loss.min():.3f}) and has risen to {measures.val_loss[-1]:.3f}"
        if has_risen
        else ""
    )
    memory = ""
    num_val = measures.circumstances.num_val
    if num_val > _MANY and measures.is_at_chance(float(measures.val_accuracy[-1]), num_val):
        memory = (
            "; validation accuracy is no better than always naming the commonest class, as if "
            "labels and pictures did not belong together"
        )
    return CurveFinding(
        "overfitting",
        f"Overfitting since epoch {since}: {_gap_in_words(gap, interval)}{speed}{loss}{memory}.",
        evidence,
    )


def _has_risen(measures: CurveMeasures) -> bool:
    """Tell whether validation loss has risen from its lowest beyond what it does by chance."""
    rise, trend = measures.loss_rise, measures.val_loss_slope()
    is_steady = trend is not None and trend.interval.low > 0
    return (
        measures.lowest_epoch < measures.num_epochs
        and rise > _LEAST_RISE * measures.val_loss.min()
        and rise > 2 * measures.loss_noise
        and (is_steady or rise > 2 * measures.roughness)
    )


def _too_noisy(measures: CurveMeasures) -> CurveFinding | None:
    gap, interval = measures.end_gap
    half_width = (interval.high - interval.low) / 2
    known = measures.circumstances
    if measures.num_epochs < 2:
        return CurveFinding(
            "too-noisy",
            f"One epoch shows no direction: {_gap_in_words(gap, interval)}; train for some more.",
            {"num_epochs": measures.num_epochs},
        )
    if half_width < _WIDE or (interval.low > 0 and half_width < 2 * _WIDE):
        return None
    within = max(min(abs(gap), _WIDE), _LEAST_GAP)
    # An interval's width goes with the root of the number of pictures.
    needed = math.ceil(known.num_val * (half_width / within) ** 2)
    return CurveFinding(
        "too-noisy",
        f"{known.num_val:,} validation pictures are too few to say: "
        f"{_gap_in_words(gap, interval)}; about {needed - known.num_val:,} more would tell the gap "
        f"to within {_points(within)}.",
        {"gap": gap, "gap_low": interval.low, "gap_high": interval.high, "num_val_needed": needed},
    )


def _still_learning(measures: CurveMeasures) -> CurveFinding | None:
    if measures.circumstances.is_annealed or measures.num_epochs < 2:
        return None
    stretch = measures.last_stretch
    train_fall, val_fall = (
        measures.recent_fall(losses) for losses in (measures.loss, measures.val_loss)
    )
    fall_in_nats = val_fall * float(measures.val_loss[-1])
    is_falling = val_fall > _LEAST_FALL and fall_in_nats > measures.loss_noise
    is_at_its_best = measures.lowest_epoch > measures.num_epochs - stretch - 1
    if not (train_fall > _LEAST_FALL and is_falling and is_at_its_best):
        return None
    epochs = "the last epoch" if stretch == 1 else f"the last {stretch} epochs"
    return CurveFinding(
        "still-learning",
        f"Still learning: validation loss has fallen by {val_fall:.0%} over {epochs}, to "
        f"{measures.val_loss[-1]:.3f}, and validation accuracy stands at "
        f"{measures.val_accuracy[-1]:.3f}; more epochs will gain more.",
        {"val_loss_fall": val_fall, "train_loss_fall": train_fall, "over_epochs": stretch},
    )


def _restless(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether a curve that has levelled off does so only because its steps are too large."""
    rough, level = measures.roughness, float(measures.val_loss[-4:].mean())
    if rough < max(_ROUGH * level, _LEAST_ROUGH, measures.loss_noise):
        return None
    return CurveFinding(
        "unstable",
        f"Training no longer gains, but does not settle either: validation loss jumps by about "
        f"{rough / level:.0%} from epoch to epoch; with a lower learning rate it would come to "
        "rest lower.",
        {"roughness": rough, "val_loss": level, "noise": measures.loss_noise},
    )


def _underfitting(measures: CurveMeasures) -> CurveFinding | None:
    gap, interval = measures.end_gap
    error = 1 - measures.end_train_accuracy
    if error < _CLEAR_ERROR or interval.high > error:
        return None
    return CurveFinding(
        "underfitting",
        f"Underfitting: training accuracy has levelled off at {measures.end_train_accuracy:.3f}, "
        f"and validation with it ({_gap_in_words(gap, interval)}); a larger network may learn "
        "more, unless these pictures do not show more.",
        {
            "train_accuracy": 1 - error,
            "gap": gap,
            "gap_low": interval.low,
            "gap_high": interval.high,
        },
    )


def _converged(measures: CurveMeasures) -> CurveFinding:
    gap, interval = measures.end_gap
    end = (
        "the learning rate has come to its end, and"
        if measures.circumstances.is_annealed
        else "validation loss no longer falls, and"
    )
    return CurveFinding(
        "converged",
        f"Converged: {end} validation accuracy has levelled off at "
        f"{measures.val_accuracy[-1]:.3f} ({_gap_in_words(gap, interval)}).",
        {
            "val_accuracy": float(measures.val_accuracy[-1]),
            "gap": gap,
            "gap_low": interval.low,
            "gap_high": interval.high,
        },
    )


def _easier(measures: CurveMeasures) -> CurveFinding | None:
    """Tell why validation accuracy is above training accuracy, where it clearly is."""
    known = measures.circumstances
    gap, interval = measures.gap(measures.num_epochs)
    if interval.high >= 0 or gap > -_LEAST_GAP / 4 or measures.num_epochs < 2:
        return None
    evidence: dict[str, float | int] = {"gap": gap, "gap_low": interval.low}
    above = f"Validation accuracy is {_points(-gap)} above training accuracy"
    if measures.outcomes is not None:
        end, end_interval = measures.end_gap
        evidence |= {"end_gap": end, "end_gap_low": end_interval.low}
        if end_interval.high < 0:
            return CurveFinding(
                "validation-easier",
                f"{above}, and the last weights do {_points(-end)} better on validation pictures "
                "than on training pictures as they are: the validation pictures are easier, so "
                "that a new picture will fare worse than they do.",
                evidence,
            )
    if known.is_made_harder:
        return CurveFinding(
            "validation-easier",
            f"{above}, because dropout or augmentation make training pictures harder than they "
            "are; that is no fault.",
            evidence,
        )
    steps = np.diff(measures.accuracy)
    if len(steps) and steps[-1] > -gap / 2:
        return None  # training accuracy is a mean over an epoch that learned as much
    return CurveFinding(
        "validation-easier",
        f"{above} although nothing makes training harder: look for validation pictures that are "
        "also trained on.",
        evidence,
    )


_STATES: tuple[Callable[[CurveMeasures], CurveFinding | None], ...] = (
    _overfitting,
    _too_noisy,
    _still_learning,
    _restless,
    _underfitting,
    _converged,
)


def _gap_in_words(gap: float, interval: Interval) -> str:
    side = "above" if gap >= 0 else "below"
    return (
        f"training accuracy ends {_points(abs(gap))} {side} validation (95% interval "
        f"{_number(interval.low)} to {_number(interval.high)})"
    )


def _number(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
