"""Reading the training curve: the gap at its end with its uncertainty, and the best epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clearsight.evaluation.intervals import Interval, difference_interval
from clearsight.training.history import History


@dataclass(frozen=True)
class CurveReading:
    """What a training curve says.

    Attributes:
        gap: training minus validation accuracy in the last epoch.
        gap_interval: its 95% interval.
        best_epoch: where validation accuracy was highest (the first such epoch).
        best_val_accuracy: its value there.
        lowest_val_loss_epoch: where validation loss was lowest.
        num_epochs: how many epochs the curve has.
        diverged_epoch: the first epoch whose training loss was no finite number, else None.
    """

    gap: float
    gap_interval: Interval
    best_epoch: int
    best_val_accuracy: float
    lowest_val_loss_epoch: int
    num_epochs: int
    diverged_epoch: int | None = None

    @property
    def sentence(self) -> str:
        """The reading in one sentence."""
        if self.diverged_epoch is not None:
            return (
                f"The loss stopped being a finite number in epoch {self.diverged_epoch}: training "
                "diverged, and what the network has learned since is worth nothing; train again "
                "with a learning rate ten times lower."
            )
        low, high = self.gap_interval.low, self.gap_interval.high
        side = "above" if self.gap >= 0 else "below"
        found = (
            f"Training accuracy ends {_points(abs(self.gap))} {side} validation (95% interval "
            f"{_number(low)} to {_number(high)})"
        )
        if low > 0:
            meaning = "so the network knows its training pictures better than new ones"
        elif high < 0:
            meaning = (
                "as it can while a network still improves within each epoch, or when validation "
                "pictures are easier"
            )
        else:
            meaning = "which these numbers of pictures cannot tell from none"
        return (
            f"{found}, {meaning}; validation accuracy was best in epoch {self.best_epoch} of "
            f"{self.num_epochs} ({self.best_val_accuracy:.3f}), validation loss in epoch "
            f"{self.lowest_val_loss_epoch}."
        )


def read_curve(history: History, num_train: int, num_val: int) -> CurveReading:
    """Read a training curve.

    The training accuracy is Keras's: a mean over the epoch, while the weights were moving. It lags
    behind what the final weights would reach, so the gap is rather under- than overstated.

    Args:
        history: at least one epoch.
        num_train: how many pictures each training accuracy counts.
        num_val: how many pictures each validation accuracy counts.
    """
    last = history[-1]
    best = max(history, key=lambda epoch: epoch.val_accuracy)
    return CurveReading(
        gap=last.accuracy - last.val_accuracy,
        gap_interval=difference_interval(
            (round(last.accuracy * num_train), num_train),
            (round(last.val_accuracy * num_val), num_val),
        ),
        best_epoch=best.epoch,
        best_val_accuracy=best.val_accuracy,
        lowest_val_loss_epoch=min(history, key=lambda epoch: epoch.val_loss).epoch,
        num_epochs=last.epoch,
        diverged_epoch=next(
            (epoch.epoch for epoch in history if not math.isfinite(epoch.loss)), None
        ),
    )


def _number(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
