"""What a reading may not say of a history: each rule is written down apart from the reading's."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from scipy import stats

from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.evaluation.curve.reading import CurveReading
from clearsight.evaluation.intervals.proportions import difference_interval
from clearsight.training.history import History


def contradictions(
    reading: CurveReading, history: History, context: CurveContext, outcomes: ImageOutcomes
) -> list[str]:
    """Return a line for each thing that is said although the numbers say otherwise."""
    said = {finding.name: finding.sentence for finding in reading.findings}
    loss, val_loss = (np.array([getattr(e, n) for e in history]) for n in ("loss", "val_loss"))
    num_epochs, num_steps = len(history), len(history) * context.steps_per_epoch
    lowest, last = int(val_loss.argmin()), max(num_epochs // 4, 1)
    is_early = num_epochs < 4 or num_steps < 20
    recent, before = loss[-last:].mean(), loss[-2 * last : -last]
    is_loss_falling = num_epochs > 1 and bool(recent < 0.98 * before.mean())
    is_val_falling = bool(
        num_epochs > 3 and (np.diff(val_loss[-4:]) < 0).all() and val_loss[-1] < 0.99 * val_loss[-4]
    )
    has_risen = bool(val_loss[-1] > 1.05 * val_loss[lowest] and loss[-1] < loss[lowest])
    train, num_val = outcomes.train_correct, context.num_val
    num_val_correct = round(history[-1].val_accuracy * num_val)
    gap = difference_interval((int(train.sum()), len(train)), (num_val_correct, num_val))
    is_rising = _rises(np.array([epoch.val_accuracy for epoch in history])) and lowest > (
        num_epochs - 3
    )
    nothing_learned = "Nothing was learned" in said.get("not-above-chance", "")
    chance = context.val_chance or 0.0
    above_chance = stats.binomtest(num_val_correct, num_val, chance, alternative="greater")
    rules = {
        "diverged": {"after few steps": num_steps < 20, "while the loss falls": is_loss_falling},
        "not-above-chance": {
            "while the loss falls": nothing_learned and is_loss_falling,
            "but validation is": not nothing_learned and above_chance.pvalue < 1e-4,
        },
        "unstable": {"early": is_early, "while validation loss falls": is_val_falling},
        "overfitting": {
            "early": is_early,
            "without a gap": gap.low <= 0 and not has_risen,
            "while validation loss falls": is_val_falling or lowest == num_epochs - 1,
            "while validation accuracy rises": is_rising,
        },
        "underfitting": {
            "early": is_early,
            "while the loss falls": is_loss_falling and bool(loss[-1] < 0.95 * loss[-last - 1]),
        },
        "converged": {
            "early": is_early,
            "while validation accuracy rises": is_rising,
            "while validation loss falls": is_val_falling
            and bool(val_loss[-1] < 0.95 * val_loss[-4] and lowest == num_epochs - 1),
        },
        "too-noisy": {
            "with enough": not is_early
            and num_steps >= 200
            and gap.high - gap.low < 0.1
            and not has_risen
        },
        "still-learning": {
            "nothing improves": bool(
                loss[-1] > loss[-2 * last :].min() * 1.02
                and val_loss[-1] > val_loss[-2 * last :].min() * 1.02
            )
            and not is_rising
        },
        "validation-easier": {
            "of a fair sample": "images are easier" in said.get("validation-easier", "")
        },
    }
    found = [f"{name} {what}" for name in said for what, is_so in rules[name].items() if is_so]
    return found + _wrong_words(" ".join(said.values()), val_loss)


def _rises(accuracy: np.ndarray) -> bool:
    """Return whether an accuracy clearly rises over the last half, to its highest value."""
    half = accuracy[-max(len(accuracy) // 2, 4) :]
    if len(half) < 4:
        return False
    line: Any = stats.linregress(np.arange(len(half)), half)
    rise = line.slope * (len(half) - 1)
    return bool(rise > 0.02 and line.pvalue < 0.01 and half[-1] == accuracy.max())


def _wrong_words(text: str, val_loss: np.ndarray) -> list[str]:
    """Return what is said about validation loss in so many words, and is not so."""
    found = []
    risen = re.search(r"lowest in epoch \d+ \((\d+\.\d+)\) and has risen to (\d+\.\d+)", text)
    if risen and not float(risen[2]) > float(risen[1]) == round(float(val_loss.min()), 3):
        found.append(f"risen: {risen[0]}")
    found += [word for word in ("as good as", "does not fall", "stopped falling") if word in text]
    return found
