"""`CurveStatistics`: the numbers that the findings about a training curve rest on."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.evaluation.curve.gap import Gap
from clearsight.evaluation.intervals.interval import Interval, t_interval
from clearsight.evaluation.intervals.proportions import difference_interval, wilson_interval
from clearsight.training.history import History

# Up to here a curve shows the start of a training and no trend.
MIN_EPOCHS, MIN_STEPS = 4, 20
MIN_PLATEAU_STEPS = 200  # fewer may be a slow start
MIN_FALL = 0.03  # a loss that falls by a smaller fraction in the last stretch has levelled off
_MIN_FALL_NATS = 0.001  # nats: from 0.00015 to 0.00014 is no progress, whatever the fraction
_ANNEALED = 0.2  # last learning rate of a schedule that has ended, as a fraction of the highest
WIDE = 0.05  # half the width of the interval of a gap that validation images are too few for
_MIN_ABOVE_CHANCE = 0.01  # accuracy
_MIN_RISE = 0.005  # of validation accuracy over the last half of the epochs


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
        self.num_steps = self.num_epochs * context.steps_per_epoch
        self.loss, self.accuracy, self.val_loss, self.val_accuracy, rates = (
            np.array([getattr(epoch, name) for epoch in history])
            for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
        )
        self.is_annealed = bool(rates[-1] < _ANNEALED * rates.max())
        self.best_epoch = int(self.val_accuracy.argmax()) + 1
        self.lowest_epoch = int(self.val_loss.argmin()) + 1

    def gap(self, epoch: int) -> Gap:
        """Return the gap in an epoch, counted from 1, with Newcombe's 95% interval."""
        num_train, num_val = self.context.num_train, self.context.num_val
        train, val = float(self.accuracy[epoch - 1]), float(self.val_accuracy[epoch - 1])
        interval = difference_interval(
            (round(train * num_train), num_train), (round(val * num_val), num_val)
        )
        return Gap(train, val, interval)

    @cached_property
    def end_gap(self) -> Gap:
        """The gap after the last epoch: of its weights on unmodified images, if known.

        Otherwise training accuracy is the mean over the epoch.
        """
        if self.outcomes is None:
            return self.gap(self.num_epochs)
        train = self.outcomes.train_correct
        val = float(self.val_accuracy[-1]), self.context.num_val
        return Gap.of_weights((int(train.sum()), len(train)), val)

    @property
    def is_short(self) -> bool:
        """Whether there are too few epochs or steps to show a trend."""
        return self.num_epochs < MIN_EPOCHS or self.num_steps < MIN_STEPS

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
    def min_val_error(self) -> float:
        """The lower end of Wilson's 95% interval of the last validation error."""
        count = self.context.num_val
        return 1 - wilson_interval(round(float(self.val_accuracy[-1]) * count), count).high

    def late_slope(self, values: np.ndarray) -> Slope | None:
        """Return the slope of values, float (epochs,), over the last half of the epochs.

        It takes at least the last four; None if there are fewer.
        """
        return fit_slope(values[-self.num_late :])

    @property
    def num_late(self) -> int:
        """The number of epochs that late slopes are fitted to."""
        return max(self.num_epochs // 2, MIN_EPOCHS)

    @property
    def roughness(self) -> float:
        """Scatter of validation loss around a straight line, in nats.

        Over the last half of the epochs; 0 if these are fewer than five.
        """
        line = fit_slope(self.val_loss[-self.num_late :])
        return line.scatter if line is not None and self.num_epochs >= 10 else 0.0

    @property
    def last_stretch(self) -> int:
        """The number of last epochs that show whether learning continues: a quarter, at least 1."""
        return max(self.num_epochs // 4, 1)

    def recent(self, values: np.ndarray) -> tuple[float, float]:
        """Return the means of values, float (epochs,), over the last stretch and the one before.

        The earlier one comes first. Of a single epoch, both are its value.
        """
        stretch = self.last_stretch
        before = values[-2 * stretch : -stretch] if len(values) >= 2 * stretch else values
        return float(before.mean()), float(values[-stretch:].mean())

    def recent_fall(self, losses: np.ndarray) -> float:
        """Return by which fraction losses, float (epochs,), fell in the last stretch."""
        return self.fall(*self.recent(losses))

    def fall(self, before: float, now: float) -> float:
        """Return the fraction by which a loss fell; 0 if it fell by a negligible amount.

        Of what it was above the lowest possible loss, which smoothed labels raise.
        """
        if 0 <= before - now < _MIN_FALL_NATS:
            return 0.0
        above = before - self.context.min_loss
        return (before - now) / above if above > 0 else 0.0

    def describe_recent(self, values: np.ndarray) -> str:
        """Return how values, float (epochs,), changed in the last stretch, as a predicate."""
        stretch, (before, now) = self.last_stretch, self.recent(values)
        if stretch == 1:
            return f"went from {before:.3f} to {now:.3f} in the last epoch"
        return (
            f"averaged {now:.3f} over the last {stretch} epochs and {before:.3f} over the "
            f"{stretch} before"
        )

    @property
    def is_val_loss_falling(self) -> bool:
        """Whether validation loss falls by more than chance, and is at its lowest."""
        before, now = self.recent(self.val_loss)
        return (
            self.recent_fall(self.val_loss) > MIN_FALL
            and before - now > self._noise_multiple * self.loss_noise
            and self._is_recent(self.lowest_epoch)
        )

    @property
    def is_val_loss_falling_steadily(self) -> bool:
        """Whether validation loss fell in each of the last three epochs, and to its lowest."""
        last = self.val_loss[-MIN_EPOCHS:]
        is_falling = len(last) == MIN_EPOCHS and bool((np.diff(last) < 0).all())
        return (
            is_falling
            and self.lowest_epoch == self.num_epochs
            and self.fall(float(last[0]), float(last[-1])) > 2 * MIN_FALL
        )

    @property
    def is_val_accuracy_rising(self) -> bool:
        """Whether validation accuracy rises by more than chance, and is at its highest."""
        slope = self.late_slope(self.val_accuracy)
        if slope is None or not slope.is_rising or not self._is_recent(self.best_epoch):
            return False
        rise = slope.per_epoch * (self.num_late - 1)
        return rise > max(_MIN_RISE, self._noise_multiple * self.val_noise)

    @property
    def is_loss_falling(self) -> bool:
        """Whether training loss falls, in the last stretch or steadily over the last half."""
        slope = self.late_slope(-self.loss)
        above = float(self.loss[-self.num_late]) - self.context.min_loss
        is_steady = (
            slope is not None
            and slope.is_rising
            and slope.per_epoch * (self.num_late - 1) > 2 * MIN_FALL * above
        )
        return is_steady or self.recent_fall(self.loss) > MIN_FALL

    @property
    def _noise_multiple(self) -> int:
        """The least change of a validation score that is reported, in standard errors."""
        return 3 if self.end_gap.half_width > WIDE else 1

    def _is_recent(self, epoch: int) -> bool:
        return epoch >= self.num_epochs - self.last_stretch

    def is_at_chance(self, accuracy: float, chance: float | None, num_images: int) -> bool:
        """Return whether an accuracy is not clearly better than always predicting one class."""
        if chance is None:
            return False
        interval = wilson_interval(round(accuracy * num_images), num_images)
        return interval.low <= chance or accuracy < chance + _MIN_ABOVE_CHANCE


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
