"""Which classes two networks name differently well, corrected for looking at many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.comparison.paired import SIGNIFICANT, PairedComparison


@dataclass(frozen=True)
class ClassChange:
    """How two networks did on the images of one class.

    Attributes:
        class_name: the class.
        pair: the comparison on its images.
        adjusted_p_value: McNemar's, corrected by Holm for all classes that were looked at.
    """

    class_name: str
    pair: PairedComparison
    adjusted_p_value: float

    @property
    def matters(self) -> bool:
        """Whether the change is more than chance among so many classes brings forth."""
        return self.adjusted_p_value < SIGNIFICANT


def class_changes(
    first: np.ndarray, second: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
) -> tuple[ClassChange, ...]:
    """Compare two networks class by class, the smallest p-value first.

    Args:
        first: bool (N,), which images the first network named rightly.
        second: bool (N,), likewise.
        labels: integers (N,), the true classes.
        class_names: label k means ``class_names[k]``; classes without images are left out.
    """
    occurring = np.unique(labels).tolist()
    pairs = [
        PairedComparison.of(first[labels == label], second[labels == label]) for label in occurring
    ]
    adjusted = holm([pair.p_value for pair in pairs])
    changes = [
        ClassChange(class_names[label], pair, p_value)
        for label, pair, p_value in zip(occurring, pairs, adjusted, strict=True)
    ]
    return tuple(sorted(changes, key=lambda change: change.pair.p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values of several tests, so that one false alarm among all stays as rare as of one.

    Source: Holm 1979, https://www.jstor.org/stable/4615733.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min((len(p_values) - place) * p_values[index], 1.0))
        adjusted[index] = highest
    return adjusted
