"""Curves of trainings whose steps are too large: diverged, unstable, noisy at the plateau."""

import math

import numpy as np

from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import points
from clearsight.evaluation.curve.statistics import CurveStatistics

_STUCK = 0.001  # fall of training loss over the last quarter of the epochs, as a fraction
_JUMP = 0.10  # rise of training loss from one epoch to the next, as a fraction
_BLOWN_UP = 1.5  # first epoch's mean loss, relative to the loss of guessing
_AS_GUESSING = 1.1  # the same, at most: the loss of a network that guesses scatters around 1
_ROUGH = 0.05  # scatter of validation loss from epoch to epoch, as a fraction
_LEAST_ROUGH = 0.02  # the same, in nats
_DROP = 0.03  # fall of validation accuracy from one epoch to the next


def diverged(curve: CurveStatistics) -> CurveFinding | None:
    """Detect training that failed: no finite loss, or no better than guessing."""
    finite = np.isfinite(curve.loss) & np.isfinite(curve.val_loss)
    if not finite.all():
        epoch = int(finite.argmin()) + 1
        return CurveFinding(
            "diverged",
            f"The loss stopped being a finite number in epoch {epoch}: training diverged, and the "
            "weights since then are useless; train again with a learning rate ten times lower.",
            {"epoch": epoch},
        )
    context = curve.context
    accuracy, chance = float(curve.accuracy[-1]), context.chance or 0.0
    if not curve.is_at_chance(accuracy, context.num_train):
        return None
    chance_loss = context.chance_loss or math.inf
    evidence = {
        "accuracy": accuracy,
        "chance": chance,
        "first_loss": float(curve.loss[0]),
        "last_loss": float(curve.loss[-1]),
        "chance_loss": chance_loss,
    }
    as_guessing = f"no better than always predicting the most common class ({chance:.3f})"
    has_fallen_back = not curve.is_at_chance(float(curve.accuracy.max()) / 1.5, context.num_train)
    has_blown_up = curve.loss[0] > _AS_GUESSING * chance_loss
    if has_fallen_back or has_blown_up:
        return CurveFinding(
            "diverged",
            f"Training diverged: the loss started at {curve.loss[0]:.2f}, where guessing gives "
            f"{chance_loss:.2f}, and training accuracy ended at {accuracy:.3f}, {as_guessing}; "
            "the learning rate is far too high.",
            evidence,
        )
    if curve.num_epochs > 2 and curve.recent_fall(curve.loss) < _STUCK:
        return CurveFinding(
            "diverged",
            f"Nothing was learned: training accuracy is {accuracy:.3f}, {as_guessing}, and the "
            "loss has stopped falling; usually the learning rate is too high for this network.",
            evidence,
        )
    return None


def unstable(curve: CurveStatistics) -> CurveFinding | None:
    """Detect loss or accuracy that jumps back and forth."""
    if curve.num_epochs < 4:
        return None
    jumps = curve.loss[1:] / np.maximum(curve.loss[:-1], 1e-12) - 1
    # A loss of almost 0 may double and still be almost 0.
    has_weight = np.maximum(curve.loss[1:], curve.loss[:-1]) > 0.15 * curve.loss.max()
    num_jumps = int(((jumps > _JUMP) & has_weight).sum())
    drop = max(_DROP, 3 * math.sqrt(2) * curve.val_noise)
    num_drops = int((np.diff(curve.val_accuracy) < -drop).sum())
    many = max(2, math.ceil(0.2 * (curve.num_epochs - 1)))
    signs = []
    if num_jumps >= many:
        signs.append(f"training loss rose by more than {_JUMP:.0%} {num_jumps} times")
    if num_drops >= many:
        signs.append(f"validation accuracy fell by more than {points(drop)} {num_drops} times")
    if signs:
        return CurveFinding(
            "unstable",
            f"Training is unstable: in {curve.num_epochs} epochs, {' and '.join(signs)}; the "
            "learning rate is too high for this network.",
            {"num_loss_jumps": num_jumps, "num_accuracy_drops": num_drops, "largest_drop": drop},
        )
    chance_loss = curve.context.chance_loss or math.inf
    # If validation loss starts high too, the cause is a penalty on weights, which both include.
    if curve.loss[0] > _BLOWN_UP * chance_loss and curve.val_loss[0] < _AS_GUESSING * chance_loss:
        return CurveFinding(
            "unstable",
            f"Training is unstable: the loss started at {curve.loss[0]:.2f}, where guessing gives "
            f"{chance_loss:.2f}; the learning rate is too high for this network.",
            {"first_loss": float(curve.loss[0]), "chance_loss": chance_loss},
        )
    return None


def noisy_plateau(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a plateau that is due to steps too large to settle."""
    roughness, level = curve.roughness, float(curve.val_loss[-4:].mean())
    if roughness < max(_ROUGH * level, _LEAST_ROUGH, curve.loss_noise):
        return None
    return CurveFinding(
        "unstable",
        f"Training has plateaued but is noisy: validation loss varies by about "
        f"{roughness / level:.0%} from epoch to epoch; a lower learning rate would let it settle "
        "at a lower loss.",
        {"roughness": roughness, "val_loss": level, "noise": curve.loss_noise},
    )
