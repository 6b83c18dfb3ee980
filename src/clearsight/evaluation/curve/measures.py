"""What is measured on a training curve before anything is said about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.curve.finding import gap_in_words
from clearsight.evaluation.curve.outcomes import Outcomes
from clearsight.evaluation.intervals.proportions import (
    Interval,
    difference_interval,
    wilson_interval,
)
from clearsight.evaluation.intervals.quantiles import t_quantile
from clearsight.training.history import History


@dataclass(frozen=True)
class Circumstances:
    """What a curve does not show by itself.

    Attributes:
        num_train: how many images each training accuracy counts.
        num_val: how many images each validation accuracy counts.
        chance: the accuracy of always naming the commonest class; None when it is not known.
        chance_loss: the cross-entropy, in nats, of always giving the classes' shares; likewise.
        is_made_harder: whether dropout or augmentation make training images harder than they are.
        is_annealed: whether the learning rate went down to (nearly) nothing by the last epoch.
        num_leaked: how many validation images are also trained on, as far as was searched.
    """

    num_train: int
    num_val: int
    chance: float | None = None
    chance_loss: float | None = None
    is_made_harder: bool = False
    is_annealed: bool = False
    num_leaked: int = 0


@dataclass(frozen=True)
class Slope:
    """A straight line's slope through some epochs.

    Attributes:
        per_epoch: change from one epoch to the next.
        interval: its 95% interval, from the scatter about the line (Student's t).
        scatter: standard deviation about the line.
    """

    per_epoch: float
    interval: Interval
    scatter: float


class CurveMeasures:
    """Numbers that the curve's findings rest on.

    Args:
        history: at least one epoch.
        circumstances: see there.
        outcomes: see there; None when single images are not known.
    """

    def __init__(
        self, history: History, circumstances: Circumstances, outcomes: Outcomes | None
    ) -> None:
        self.history = history
        self.circumstances = circumstances
        self.outcomes = outcomes
        self.num_epochs = len(history)
        self.loss, self.accuracy, self.val_loss, self.val_accuracy = (
            np.array([getattr(epoch, name) for epoch in history])
            for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        )
        self.best_epoch = int(self.val_accuracy.argmax()) + 1
        self.lowest_epoch = int(self.val_loss.argmin()) + 1

    def gap(self, epoch: int) -> tuple[float, Interval]:
        """Return training minus validation accuracy in an epoch, with Newcombe's 95% interval."""
        counts = self.circumstances
        train, val = self.accuracy[epoch - 1], self.val_accuracy[epoch - 1]
        return float(train - val), difference_interval(
            (round(train * counts.num_train), counts.num_train),
            (round(val * counts.num_val), counts.num_val),
        )

    @property
    def end_gap(self) -> tuple[float, Interval]:
        """The gap after the last epoch: of its weights on unchanged images where that is known.

        Where it is not, training accuracy is the mean over the epoch.
        """
        outcomes = self.outcomes
        if outcomes is None:
            return self.gap(self.num_epochs)
        train, val = outcomes.train_correct, outcomes.val_correct
        return float(train.mean() - val.mean()), difference_interval(
            (int(train.sum()), len(train)), (int(val.sum()), len(val))
        )

    @property
    def end_gap_in_words(self) -> str:
        """The gap after the last epoch, with the accuracies that it is between."""
        outcomes = self.outcomes
        accuracies = outcomes and (outcomes.train_correct.mean(), outcomes.val_correct.mean())
        return gap_in_words(*self.end_gap, accuracies)

    @property
    def end_train_accuracy(self) -> float:
        """Training accuracy of the last weights, on unchanged images where that is known."""
        if self.outcomes is None:
            return float(self.accuracy[-1])
        return float(self.outcomes.train_correct.mean())

    @property
    def gap_since(self) -> int | None:
        """The first epoch from which on every gap's interval lies above 0; None if there is none.

        The last epoch's interval lies above 0 then too.
        """
        since = None
        for epoch in range(self.num_epochs, 0, -1):
            if self.gap(epoch)[1].low <= 0:
                break
            since = epoch
        return since

    @property
    def loss_rise(self) -> float:
        """How far validation loss has risen since it was lowest, in nats.

        Means over up to three epochs about the lowest and at the end stand for both, because the
        lowest of many epochs is partly so by chance.
        """
        lowest, end = self.lowest_epoch - 1, self.num_epochs
        about = self.val_loss[max(lowest - 1, 0) : lowest + 2]
        last = self.val_loss[max(end - 3, lowest) :]
        return float(last.mean() - about.mean())

    @property
    def loss_noise(self) -> float:
        """Standard error of a difference between the validation losses of two epochs, in nats.

        From the same images at two epochs where they are known. Else half of the scatter of
        single losses, because two epochs' losses of one image are much alike; where that is not
        known either, it is taken to be their mean or 1, whichever is more.
        """
        outcomes = self.outcomes
        if outcomes is None:
            scatter = max(float(self.val_loss[-1]), 1.0) / 2
            return scatter / math.sqrt(self.circumstances.num_val)
        losses, best = outcomes.val_losses, outcomes.best_val_losses
        scatter = (losses - best).std() if best is not losses else losses.std() / 2
        return float(scatter) / math.sqrt(len(losses))

    @property
    def val_noise(self) -> float:
        """Standard error of one validation accuracy."""
        share = min(max(float(self.val_accuracy[-1]), 0.02), 0.98)
        return math.sqrt(share * (1 - share) / self.circumstances.num_val)

    @property
    def least_val_error(self) -> float:
        """The lower end of the 95% interval of the last validation error, Wilson's."""
        count = self.circumstances.num_val
        return 1 - wilson_interval(round(float(self.val_accuracy[-1]) * count), count).high

    def late_slope(self, values: np.ndarray) -> Slope | None:
        """Return the slope of the last half of the epochs, the last four at least.

        Args:
            values: float (epochs,).

        Returns:
            None for fewer than four epochs.
        """
        return slope(values[-max(self.num_epochs // 2, 4) :])

    @property
    def roughness(self) -> float:
        """How much validation loss scatters about a straight line in the last half, in nats.

        At least the last five epochs are taken; 0 where there are fewer.
        """
        values = self.val_loss[-max(self.num_epochs // 2, 5) :]
        line = slope(values) if len(values) >= 5 else None
        return line.scatter if line is not None else 0.0

    @property
    def last_stretch(self) -> int:
        """How many of the last epochs tell whether it still goes on: a quarter, one at least."""
        return max(self.num_epochs // 4, 1)

    def recent_fall(self, losses: np.ndarray) -> float:
        """Return by which share a loss has fallen from the last stretch but one to the last.

        Args:
            losses: float (epochs,).
        """
        stretch = self.last_stretch
        if self.num_epochs < 2 * stretch:
            return 0.0
        before, now = losses[-2 * stretch : -stretch].mean(), losses[-stretch:].mean()
        return float((before - now) / before) if before > 0 else 0.0

    def is_at_chance(self, accuracy: float, count: int) -> bool:
        """Tell whether an accuracy is not clearly better than always naming one class."""
        chance = self.circumstances.chance
        if chance is None:
            return False
        return accuracy < chance + max(3 * math.sqrt(chance * (1 - chance) / count), 0.01)


def slope(values: np.ndarray) -> Slope | None:
    """Fit a straight line by least squares.

    Args:
        values: float (epochs,).

    Returns:
        None for fewer than four values, whose scatter says too little.
    """
    count = len(values)
    if count < 4:
        return None
    x = np.arange(count) - (count - 1) / 2
    per_epoch = float(x @ values / (x @ x))
    residuals = values - values.mean() - per_epoch * x
    scatter = math.sqrt(float(residuals @ residuals) / (count - 2))
    half_width = t_quantile(count - 2) * scatter / math.sqrt(float(x @ x))
    return Slope(per_epoch, Interval(per_epoch - half_width, per_epoch + half_width), scatter)
