"""Trainings that failed: no finite loss, steps too large, or nothing learned."""

import math

import numpy as np

from clearsight.evaluation.curve.finding import CurveFinding, loss_text
from clearsight.evaluation.curve.statistics import (
    MIN_PLATEAU_STEPS,
    MIN_STEPS,
    CurveStatistics,
)

_STUCK = 0.005  # fall of training loss in the last stretch, as a fraction
_BLOWN_UP = 1.5  # an epoch's mean loss, relative to that of an untrained network
_COLLAPSED = 1.1  # last loss, relative to the lowest
_AS_GUESSING = 0.03  # fraction by which the loss is below that of predicting the frequencies


def failed(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a loss that is not finite, or a training accuracy that ends at chance.

    While the loss falls, or after a few steps only, nothing has failed yet.
    """
    finite = np.isfinite(curve.loss) & np.isfinite(curve.val_loss)
    if not finite.all():
        epoch = int(finite.argmin()) + 1
        part = "loss" if not np.isfinite(curve.loss[epoch - 1]) else "validation loss"
        return CurveFinding(
            "diverged",
            f"The {part} stopped being a finite number in epoch {epoch}: training diverged, and "
            "the weights since then are useless; train again with a learning rate ten times lower.",
            {"epoch": epoch},
        )
    context, accuracy = curve.context, float(curve.accuracy[-1])
    if (
        curve.num_epochs < 3
        or curve.num_steps < MIN_STEPS
        or curve.recent_fall(curve.loss) > _STUCK
        or not curve.is_at_chance(accuracy, context.chance, context.num_train)
    ):
        return None
    ending = (
        f"training accuracy is {accuracy:.3f}, not clearly better than always predicting the most "
        f"common class ({context.chance:.3f})"
    )
    evidence = {
        "accuracy": accuracy,
        "chance": context.chance or 0.0,
        "first_loss": float(curve.loss[0]),
        "last_loss": float(curve.loss[-1]),
    }
    event = blow_up(curve, _BLOWN_UP) or _collapse(curve)
    if event is not None:
        return CurveFinding(
            "diverged",
            f"Training failed: {event}, and since then nothing was learned: {ending}; most likely "
            "the learning rate is too high for this network.",
            evidence,
        )
    chance_loss = context.chance_loss
    compared = ""
    if curve.num_steps < MIN_PLATEAU_STEPS:
        return None
    if chance_loss is not None:
        if curve.fall(chance_loss, float(curve.loss[-1])) > _AS_GUESSING:
            return None
        evidence["chance_loss"] = chance_loss
        compared = (
            f", and the loss is {curve.loss[-1]:.3f}, where always predicting the classes' "
            f"frequencies has {chance_loss:.3f}"
        )
    return CurveFinding(
        "not-above-chance",
        f"Nothing was learned: {ending}{compared}. The images may not show the classes, or the "
        "labels be wrong; or the learning rate or the number of steps may not suit the network.",
        evidence,
    )


def blow_up(curve: CurveStatistics, factor: float) -> str | None:
    """Describe an epoch whose loss was `factor` times that of an untrained network, or more.

    The first few steps do not count, and neither does a loss above that of predicting the classes'
    frequencies: if these are skewed, an untrained network's loss is far higher.
    """
    untrained = curve.context.untrained_loss
    start = math.ceil(MIN_STEPS / curve.context.steps_per_epoch) - 1
    worst = start + int(curve.loss[start:].argmax())
    if untrained is None or curve.loss[worst] < factor * untrained:
        return None
    return (
        f"in epoch {worst + 1} the loss averaged {loss_text(curve.loss[worst], 2)}, where an "
        f"untrained network has {untrained:.2f}"
    )


def _collapse(curve: CurveStatistics) -> str | None:
    """Describe an earlier epoch whose accuracy and loss were clearly better."""
    best, context = int(curve.accuracy.argmax()), curve.context
    if (
        curve.is_at_chance(curve.accuracy[best] / 1.5, context.chance, context.num_train)
        or curve.loss[-1] < _COLLAPSED * curve.loss[best]
    ):
        return None
    return f"training accuracy had reached {curve.accuracy[best]:.3f} in epoch {best + 1}"


def validation_at_chance(curve: CurveStatistics) -> CurveFinding | None:
    """Detect a validation accuracy that shows nothing learned that helps with other images."""
    accuracy, context = float(curve.val_accuracy[-1]), curve.context
    if not curve.is_at_chance(accuracy, context.val_chance, context.num_val):
        return None
    return CurveFinding(
        "not-above-chance",
        f"Validation accuracy ({accuracy:.3f}) is not clearly better than always predicting the "
        f"most common class ({context.val_chance:.3f}).",
        {"val_accuracy": accuracy, "val_chance": context.val_chance or 0.0},
    )
