"""`CurveFinding`: one thing that a training curve shows."""

from dataclasses import dataclass, field
from typing import Literal

FindingName = Literal[
    "diverged",
    "not-above-chance",
    "unstable",
    "validation-easier",
    "overfitting",
    "too-noisy",
    "still-learning",
    "underfitting",
    "converged",
]


@dataclass(frozen=True)
class CurveFinding:
    """One thing that a training curve shows.

    Attributes:
        name: identifies the finding to programs.
        sentence: explains it to people.
        evidence: the numbers that support it, by name.
    """

    name: FindingName
    sentence: str
    evidence: dict[str, float | int] = field(default_factory=dict)
