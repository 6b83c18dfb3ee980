"""Comparing two networks class by class, corrected for testing many classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.comparison.paired import SIGNIFICANT, PairedComparison


@dataclass(frozen=True)
class ClassComparison:
    """Two networks on the images of one class.

    Attributes:
        class_name: the class.
        pair: the comparison on its images.
        adjusted_p_value: McNemar's, with Holm's correction for all the classes tested.
    """

    class_name: str
    pair: PairedComparison
    adjusted_p_value: float

    @property
    def is_significant(self) -> bool:
        """Whether the difference is more than chance explains among this many classes."""
        return self.adjusted_p_value < SIGNIFICANT

    def sentence(self, num_classes: int) -> str:
        """Return by how much the first network is better or worse at this of `num_classes`."""
        low, high = (100 * end for end in (self.pair.interval.low, self.pair.interval.high))
        how = "better" if self.pair.difference > 0 else "worse"
        return (
            f"{how} at '{self.class_name}' by {100 * abs(self.pair.difference):.1f} points "
            f"(95% interval {low:+.1f} to {high:+.1f}, p = {self.adjusted_p_value:.2g} "
            f"after Holm's correction for {num_classes} classes)"
        )


def compare_classes(
    first: np.ndarray, second: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
) -> tuple[ClassComparison, ...]:
    """Compare two networks class by class, the smallest p-value first.

    Args:
        first: bool (N,), whether the first network classified each image correctly.
        second: bool (N,), the same for the second network.
        labels: integers (N,), the true classes.
        class_names: label k means ``class_names[k]``; classes without images are left out.
    """
    present = np.unique(labels).tolist()
    pairs = [
        PairedComparison.of(first[labels == label], second[labels == label]) for label in present
    ]
    adjusted = holm([pair.p_value for pair in pairs])
    comparisons = [
        ClassComparison(class_names[label], pair, p_value)
        for label, pair, p_value in zip(present, pairs, adjusted, strict=True)
    ]
    return tuple(sorted(comparisons, key=lambda comparison: comparison.pair.p_value))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust the p-values of several tests so that their joint false alarm rate is that of one.

    Source: Holm 1979, https://www.jstor.org/stable/4615733.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min((len(p_values) - rank) * p_values[index], 1.0))
        adjusted[index] = highest
    return adjusted
