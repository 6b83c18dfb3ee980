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
_ASTRONOMIC = 1e5  # losses from here on are given without their digits


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


def loss_text(loss: float, digits: int = 3) -> str:
    """Return a loss as text, which may be astronomic after a step that was too large.

    Example:
        >>> loss_text(0.69315), loss_text(1.0934e29)
        ('0.693', '1.1e+29')
    """
    return f"{loss:.{digits}f}" if loss < _ASTRONOMIC else f"{loss:.1e}"
