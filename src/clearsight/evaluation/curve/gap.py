"""`Gap`: training accuracy minus validation accuracy."""

from dataclasses import dataclass

from clearsight.evaluation.intervals.interval import Interval

LEAST_GAP = 0.02  # the smallest gap that matters in practice


@dataclass(frozen=True)
class Gap:
    """Training accuracy minus validation accuracy.

    Attributes:
        value: the difference.
        interval: its 95% interval.
        accuracies: training and validation accuracy of the last epoch's weights, if the gap is
            between these and not between those of the history.
    """

    value: float
    interval: Interval
    accuracies: tuple[float, float] | None = None

    @property
    def description(self) -> str:
        """The gap as a clause, such as "training accuracy ends 6.6 points above validation"."""
        side = "above" if self.value >= 0 else "below"
        both = ""
        if self.accuracies is not None:
            both = "{:.3f} and {:.3f} after the last epoch; ".format(*self.accuracies)
        return (
            f"training accuracy ends {points(abs(self.value))} {side} validation ({both}95% "
            f"interval {_number(self.interval.low)} to {_number(self.interval.high)})"
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
