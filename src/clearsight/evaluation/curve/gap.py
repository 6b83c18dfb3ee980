"""`Gap`: training accuracy minus validation accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from clearsight.evaluation.intervals.interval import Interval
from clearsight.evaluation.intervals.proportions import difference_interval

MIN_GAP = 0.02  # the smallest gap that matters in practice
# Half-widths of a 95% interval, 3.3 standard errors: chance exceeds them once in 1,000 times.
_CLEAR = 1.7


@dataclass(frozen=True)
class Gap:
    """Training accuracy minus validation accuracy.

    Attributes:
        train: training accuracy.
        val: validation accuracy, as Keras's `fit` measures it at an epoch's end.
        interval: Newcombe's 95% interval of the difference.
        is_of_weights: whether both are those of the last epoch's weights, and not a history's,
            whose training accuracy is a mean over the epoch.
    """

    train: float
    val: float
    interval: Interval
    is_of_weights: bool = False

    @classmethod
    def of_weights(cls, train: tuple[int, int], val: tuple[float, int]) -> Gap:
        """Return the gap of the weights that an epoch ended with.

        Args:
            train: how many of how many unmodified training images they classify correctly.
            val: the epoch's validation accuracy, and the number of validation images.
        """
        (num_correct, num_train), (val_accuracy, num_val) = train, val
        interval = difference_interval(train, (round(val_accuracy * num_val), num_val))
        return cls(num_correct / num_train, val_accuracy, interval, is_of_weights=True)

    @property
    def value(self) -> float:
        """The difference."""
        return self.train - self.val

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.interval.high - self.interval.low) / 2

    @property
    def is_clearly_negative(self) -> bool:
        """Whether chance would make validation accuracy so much higher only once in 1,000 times."""
        return self.value < -_CLEAR * (self.interval.high - self.value)

    @property
    def description(self) -> str:
        """The gap as a clause, such as "training accuracy ends 6.6 points above validation"."""
        side, ends = "above", (self.interval.low, self.interval.high)
        if self.value < 0:
            side, ends = "below", (-self.interval.high, -self.interval.low)
        both = ""
        if self.is_of_weights:
            both = f"{self.train:.3f} and {self.val:.3f} after the last epoch; "
        return (
            f"training accuracy ends {points(abs(self.value))} {side} validation ({both}95% "
            f"interval {_number(ends[0])} to {_number(ends[1])})"
        )

    @property
    def evidence(self) -> dict[str, float | int]:
        """The numbers, for a finding's evidence."""
        return {"gap": self.value, "gap_low": self.interval.low, "gap_high": self.interval.high}


def points(fraction: float) -> str:
    """Return a fraction in percentage points: "6.6 points"."""
    return f"{100 * fraction:.1f} points"


def _number(fraction: float) -> str:
    return f"{100 * fraction:.1f}".replace("-", "−")
