"""Curves whose steps are too large: diverged, unstable, restless."""

from __future__ import annotations

import math

import numpy as np

from clearsight.evaluation.curve.finding import CurveFinding, points
from clearsight.evaluation.curve.measures import CurveMeasures

_STUCK = 0.001  # of training loss over the last quarter of the epochs, as a share
_JUMP = 0.10  # of training loss, from one epoch to the next, as a share
_BLOWN_UP = 1.5  # times the loss of guessing, the first epoch's mean
_AS_GUESSING = 1.1  # likewise, at most: a network that guesses scatters about it
_ROUGH = 0.05  # scatter of validation loss from epoch to epoch, as a share
_LEAST_ROUGH = 0.02  # the same, in nats
_DROP = 0.03  # of validation accuracy, likewise


def diverged(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether training came to nothing: no finite loss, or no better than guessing."""
    finite = np.isfinite(measures.loss) & np.isfinite(measures.val_loss)
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
    has_blown_up = measures.loss[0] > _AS_GUESSING * chance_loss
    if not (has_fallen_back or has_blown_up):
        if measures.num_epochs > 2 and measures.recent_fall(measures.loss) < _STUCK:
            return CurveFinding(
                "diverged",
                f"Nothing was learned: training accuracy is {measures.accuracy[-1]:.3f}, as good "
                f"as always naming the commonest class ({known.chance:.3f}), and the loss no "
                "longer falls; most often the learning rate is too high for this network.",
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


def unstable(measures: CurveMeasures) -> CurveFinding | None:
    """Tell whether loss or accuracy jump to and fro."""
    if measures.num_epochs < 4:
        return None
    jumps = measures.loss[1:] / np.maximum(measures.loss[:-1], 1e-12) - 1
    # A loss of nearly nothing may double and still be nearly nothing.
    has_weight = np.maximum(measures.loss[1:], measures.loss[:-1]) > 0.15 * measures.loss.max()
    num_jumps = int(((jumps > _JUMP) & has_weight).sum())
    drop = max(_DROP, 3 * math.sqrt(2) * measures.val_noise)
    num_drops = int((np.diff(measures.val_accuracy) < -drop).sum())
    many = max(2, math.ceil(0.2 * (measures.num_epochs - 1)))
    chance_loss = measures.circumstances.chance_loss or math.inf
    # A penalty on weights, which both losses hold, is no sign of it.
    has_blown_up = (
        measures.loss[0] > _BLOWN_UP * chance_loss
        and measures.val_loss[0] < _AS_GUESSING * chance_loss
    )
    if num_jumps < many and num_drops < many and has_blown_up:
        return CurveFinding(
            "unstable",
            f"Training is unstable: the loss began at {measures.loss[0]:.2f}, where guessing has "
            f"{chance_loss:.2f}; the learning rate is too high for this network.",
            {"first_loss": float(measures.loss[0]), "chance_loss": chance_loss},
        )
    if num_jumps < many and num_drops < many:
        return None
    told = [
        f"training loss jumped up by more than {_JUMP:.0%} {num_jumps} times"
        if num_jumps >= many
        else "",
        f"validation accuracy fell by more than {points(drop)} {num_drops} times"
        if num_drops >= many
        else "",
    ]
    return CurveFinding(
        "unstable",
        f"Training is unstable: within {measures.num_epochs} epochs "
        f"{' and '.join(filter(None, told))}; the learning rate is too high for this network.",
        {"num_loss_jumps": num_jumps, "num_accuracy_drops": num_drops, "largest_drop": drop},
    )


def restless(measures: CurveMeasures) -> CurveFinding | None:
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
