"""The deletion check: whether what a heat map marks matters to the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals import Interval


@dataclass(frozen=True, eq=False)
class Deletion:
    """What becomes of a class's probability while more and more of the picture is deleted.

    Attributes:
        shares: float64 (S,), the share of the pixels deleted in each step, from 0 to 1.
        marked: float32 (N, S), each picture's probability when the most marked pixels go first.
        random: float32 (N, S), the same when random patches go first, mean over the orders.
        marked_areas: float64 (N,), the mean of each picture's curve: low when what goes first
            matters.
        random_areas: float64 (N,), likewise, mean over the random orders.
        num_random_orders: how many random orders each picture has.
        interval: 95% interval of the mean of `differences`; None for fewer than three pictures.
        least_difference: a difference below this is not worth a claim.
    """

    shares: np.ndarray
    marked: np.ndarray
    random: np.ndarray
    marked_areas: np.ndarray
    random_areas: np.ndarray
    num_random_orders: int
    interval: Interval | None
    least_difference: float

    @property
    def differences(self) -> np.ndarray:
        """Random minus marked area, float64 (N,): above 0 where marked regions matter more."""
        return self.random_areas - self.marked_areas

    @property
    def difference(self) -> float:
        """The mean of `differences`, in probability."""
        return float(self.differences.mean())

    @property
    def matters(self) -> bool:
        """Whether the marked regions matter more than random ones, beyond chance."""
        return self.interval is not None and self.interval.low > self.least_difference

    @property
    def verdict(self) -> str:
        """The finding in one sentence."""
        raise NotImplementedError
