"""Curves of trainings whose steps are too large to settle: unstable, or noisy at the plateau."""

import math

import numpy as np

from clearsight.evaluation.curve.failure import blow_up
from clearsight.evaluation.curve.finding import CurveFinding
from clearsight.evaluation.curve.gap import points
from clearsight.evaluation.curve.statistics import MIN_STEPS, CurveStatistics

_JUMP = 0.10  # rise of training loss from one epoch to the next, as a fraction of the loss
# The scatter of validation loss from epoch to epoch that counts as noisy.
_MIN_RELATIVE_ROUGHNESS = 0.05  # as a fraction of the loss
_MIN_ROUGHNESS = 0.02  # nats
_BLOWN_UP = 3.0  # an epoch's mean loss, as a multiple of an untrained network's
_DROP = 0.03  # fall of validation accuracy from one epoch to the next


def unstable(curve: CurveStatistics) -> CurveFinding | None:
    """Detect loss or accuracy that jumps back and forth.

    The first few steps do not count; where the learning rate has fallen to almost 0, neither does
    the first half of the epochs, because it has become steady since.
    """
    context = curve.context
    start = math.ceil(MIN_STEPS / context.steps_per_epoch) - 1
    if curve.is_annealed:
        start = max(start, curve.num_epochs // 2)
    loss, val_accuracy = curve.loss[start:], curve.val_accuracy[start:]
    # The mean loss of few images varies by chance.
    jump = max(_JUMP, 3 * math.sqrt(2 / context.num_train))
    jumps = loss[1:] / np.maximum(loss[:-1], 1e-12) - 1
    # A loss of almost 0 may double and still be almost 0.
    is_large = np.maximum(loss[1:], loss[:-1]) > 0.15 * curve.loss.max()
    num_jumps = int(((jumps > jump) & is_large).sum())
    drop = max(_DROP, 3 * math.sqrt(2) * curve.val_noise)
    drops, rises = (np.flatnonzero(sign * np.diff(val_accuracy) > drop) for sign in (-1, 1))
    # An accuracy that only falls does not jump.
    num_drops = len(drops) if len(rises) and rises[-1] > drops.min(initial=len(loss)) else 0
    min_events = max(2, math.ceil(0.2 * (len(loss) - 1)))
    events = []
    if num_jumps >= min_events:
        events.append(f"training loss rose by more than {jump:.0%} {num_jumps} times")
    if num_drops >= min_events:
        events.append(f"validation accuracy fell by more than {points(drop)} {num_drops} times")
    if not events:
        return None
    return CurveFinding(
        "unstable",
        f"Training is unstable: from one epoch to the next, {' and '.join(events)} in {len(loss)} "
        "epochs; a lower learning rate should steady it.",
        {"num_loss_jumps": num_jumps, "num_accuracy_drops": num_drops, "largest_drop": drop},
    )


def unstable_start(curve: CurveStatistics) -> CurveFinding | None:
    """Detect steps so large that a network had to recover from them before it could learn."""
    event = blow_up(curve, _BLOWN_UP)
    if event is None:
        return None
    return CurveFinding(
        "unstable",
        f"Training began unstably: {event}. It has been learning since; a lower learning rate "
        "should take it further than more epochs.",
        {"highest_loss": float(curve.loss.max())},
    )


def noisy_plateau(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a plateau that is due to steps too large to settle."""
    roughness, level = curve.roughness, float(curve.val_loss[-4:].mean())
    if curve.is_annealed or roughness < max(
        _MIN_RELATIVE_ROUGHNESS * level, _MIN_ROUGHNESS, curve.loss_noise
    ):
        return None
    return CurveFinding(
        "unstable",
        f"Training has plateaued but is noisy: validation loss varies by about "
        f"{roughness / level:.0%} from epoch to epoch; a lower learning rate may let it settle "
        "at a lower loss.",
        {"roughness": roughness, "val_loss": level, "noise": curve.loss_noise},
    )
