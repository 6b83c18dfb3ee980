"""`CurveFinding`: one thing that a training curve says, and words that several of them use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from clearsight.evaluation.intervals.proportions import Interval

FindingName = Literal[
    "diverged",
    "unstable",
    "validation-easier",
    "overfitting",
    "too-noisy",
    "still-learning",
    "underfitting",
    "converged",
]

LEAST_GAP = 0.02  # of accuracy: what matters in practice


@dataclass(frozen=True)
class CurveFinding:
    """One thing that a curve says.

    Attributes:
        name: what programs call it.
        sentence: what people read.
        evidence: the numbers that it rests on, by name.
    """

    name: FindingName
    sentence: str
    evidence: dict[str, float | int] = field(default_factory=dict)


def gap_in_words(
    gap: float, interval: Interval, accuracies: tuple[float, float] | None = None
) -> str:
    """Say how far training accuracy ends from validation accuracy.

    Args:
        gap: training minus validation accuracy.
        interval: its 95% interval.
        accuracies: both of the last weights, where the gap is theirs and not that of the history,
            whose training accuracy is another.
    """
    side = "above" if gap >= 0 else "below"
    both = (
        ""
        if accuracies is None
        else "{:.3f} and {:.3f} with the last weights, ".format(*accuracies)
    )
    return (
        f"training accuracy ends {points(abs(gap))} {side} validation ({both}95% interval "
        f"{_number(interval.low)} to {_number(interval.high)})"
    )


def _number(share: float) -> str:
    return f"{100 * share:.1f}".replace("-", "−")


def points(share: float) -> str:
    """Return a share as points of a hundred."""
    return f"{100 * share:.1f} points"
