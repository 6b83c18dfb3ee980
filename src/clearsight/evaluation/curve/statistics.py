"""`CurveStatistics`: the numbers that the findings about a training curve rest on."""

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.evaluation.curve.gap import Gap
from clearsight.evaluation.intervals.interval import Interval, t_interval
from clearsight.evaluation.intervals.proportions import difference_interval, wilson_interval
from clearsight.training.history import History

LEAST_FALL = 0.03  # a loss that falls by a smaller fraction in the last stretch has levelled off


@dataclass(frozen=True)
class Slope:
    """The slope of a straight line through some epochs.

    Attributes:
        per_epoch: change per epoch.
        interval: its 95% interval, from the scatter around the line (Student's t).
        scatter: standard deviation around the line.
    """

    per_epoch: float
    interval: Interval
    scatter: float

    @property
    def is_rising(self) -> bool:
        """Whether the slope is above 0 by more than chance."""
        return self.interval.low > 0


class CurveStatistics:
    """The numbers that the findings about a training curve rest on.

    Args:
        history: at least one epoch.
        context: what the curve does not show by itself.
        outcomes: results on single images; None if unknown.
    """

    def __init__(
        self, history: History, context: CurveContext, outcomes: ImageOutcomes | None
    ) -> None:
        self.context = context
        self.outcomes = outcomes
        self.num_epochs = len(history)
        self.loss, self.accuracy, self.val_loss, self.val_accuracy = (
            np.array([getattr(epoch, name) for epoch in history])
            for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        )
        self.best_epoch = int(self.val_accuracy.argmax()) + 1
        self.lowest_epoch = int(self.val_loss.argmin()) + 1

    def gap(self, epoch: int) -> Gap:
        """Return the gap in an epoch, counted from 1, with Newcombe's 95% interval."""
        num_train, num_val = self.context.num_train, self.context.num_val
        train, val = self.accuracy[epoch - 1], self.val_accuracy[epoch - 1]
        interval = difference_interval(
            (round(train * num_train), num_train), (round(val * num_val), num_val)
        )
        return Gap(float(train - val), interval)

    @property
    def end_gap(self) -> Gap:
        """The gap after the last epoch: of its weights on unmodified images, if known.

        Otherwise training accuracy is the mean over the epoch.
        """
        if self.outcomes is None:
            return self.gap(self.num_epochs)
        train, val = self.outcomes.train_correct, self.outcomes.val_correct
        interval = difference_interval((int(train.sum()), len(train)), (int(val.sum()), len(val)))
        accuracies = (float(train.mean()), float(val.mean()))
        return Gap(accuracies[0] - accuracies[1], interval, accuracies)

    @property
    def end_train_accuracy(self) -> float:
        """Training accuracy after the last epoch, on unmodified images if known."""
        if self.outcomes is None:
            return float(self.accuracy[-1])
        return float(self.outcomes.train_correct.mean())

    @property
    def gap_since(self) -> int | None:
        """The epoch from which on every gap's interval is above 0; None if the last one is not."""
        since = None
        for epoch in range(self.num_epochs, 0, -1):
            if self.gap(epoch).interval.low <= 0:
                break
            since = epoch
        return since

    @property
    def loss_rise(self) -> float:
        """How far validation loss has risen from its minimum, in nats.

        Both are means over up to three epochs, around the minimum and at the end, because the
        lowest of many epochs is partly low by chance.
        """
        lowest, end = self.lowest_epoch - 1, self.num_epochs
        around_lowest = self.val_loss[max(lowest - 1, 0) : lowest + 2]
        last = self.val_loss[max(end - 3, lowest) :]
        return float(last.mean() - around_lowest.mean())

    @property
    def loss_noise(self) -> float:
        """Standard error of the difference between two epochs' validation losses, in nats.

        Computed from the same images in two epochs if they are known. Otherwise it is half the
        scatter of single images' losses, because an image has similar losses in two epochs; if
        that is unknown too, the scatter is assumed to be the mean loss or 1, whichever is larger.
        """
        outcomes = self.outcomes
        if outcomes is None:
            scatter = max(float(self.val_loss[-1]), 1.0) / 2
            return scatter / math.sqrt(self.context.num_val)
        losses, best = outcomes.val_losses, outcomes.best_val_losses
        scatter = (losses - best).std() if best is not losses else losses.std() / 2
        return float(scatter) / math.sqrt(len(losses))

    @property
    def val_noise(self) -> float:
        """Standard error of one validation accuracy."""
        accuracy = min(max(float(self.val_accuracy[-1]), 0.02), 0.98)
        return math.sqrt(accuracy * (1 - accuracy) / self.context.num_val)

    @property
    def least_val_error(self) -> float:
        """The lower end of Wilson's 95% interval of the last validation error."""
        count = self.context.num_val
        return 1 - wilson_interval(round(float(self.val_accuracy[-1]) * count), count).high

    def late_slope(self, values: np.ndarray) -> Slope | None:
        """Return the slope of values, float (epochs,), over the last half of the epochs.

        It takes at least the last four; None if there are fewer.
        """
        return fit_slope(values[-max(self.num_epochs // 2, 4) :])

    @property
    def roughness(self) -> float:
        """Scatter of validation loss around a straight line, in nats.

        Over the last half of the epochs, and at least the last five; 0 if there are fewer.
        """
        values = self.val_loss[-max(self.num_epochs // 2, 5) :]
        line = fit_slope(values) if len(values) >= 5 else None
        return line.scatter if line is not None else 0.0

    @property
    def last_stretch(self) -> int:
        """The number of last epochs that show whether learning continues: a quarter, at least 1."""
        return max(self.num_epochs // 4, 1)

    def recent_fall(self, losses: np.ndarray) -> float:
        """Return the fraction by which losses, float (epochs,), fell in the last stretch.

        Means over the last stretch and the one before it are compared.
        """
        stretch = self.last_stretch
        if self.num_epochs < 2 * stretch:
            return 0.0
        before, now = losses[-2 * stretch : -stretch].mean(), losses[-stretch:].mean()
        return float((before - now) / before) if before > 0 else 0.0

    def is_at_chance(self, accuracy: float, num_images: int) -> bool:
        """Return whether an accuracy is not clearly better than always predicting one class."""
        chance = self.context.chance
        if chance is None:
            return False
        return accuracy < chance + max(3 * math.sqrt(chance * (1 - chance) / num_images), 0.01)


def fit_slope(values: np.ndarray) -> Slope | None:
    """Fit a straight line to values, float (epochs,), by least squares.

    None for fewer than four values, which are too few to estimate their scatter.
    """
    count = len(values)
    if count < 4:
        return None
    x = np.arange(count) - (count - 1) / 2
    per_epoch = float(x @ values / (x @ x))
    residuals = values - values.mean() - per_epoch * x
    scatter = math.sqrt(float(residuals @ residuals) / (count - 2))
    interval = t_interval(per_epoch, scatter / math.sqrt(float(x @ x)), count - 2)
    return Slope(per_epoch, interval, scatter)
