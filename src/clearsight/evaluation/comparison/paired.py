"""Two networks on the same images: which is better, and whether these images can tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.proportions import Interval
from clearsight.evaluation.intervals.quantiles import Z

_Z_POWER = 0.8416212335729143  # its 80% quantile
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class PairedComparison:
    """How two networks did on the same images.

    Attributes:
        num_images: how many images.
        only_first: how many only the first network named rightly.
        only_second: how many only the second did.
    """

    num_images: int
    only_first: int
    only_second: int

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> PairedComparison:
        """Compare by image.

        Args:
            first: bool (N,), which images the first network named rightly.
            second: bool (N,), likewise.
        """
        return cls(len(first), int((first & ~second).sum()), int((second & ~first).sum()))

    @property
    def difference(self) -> float:
        """The first network's accuracy minus the second's."""
        return (self.only_first - self.only_second) / self.num_images

    @property
    def interval(self) -> Interval:
        """The 95% interval of the difference, within [-1, 1].

        Wald's after half an image is added to each of the four cells: Agresti and Min 2005,
        https://doi.org/10.1002/sim.1781.
        """
        total = self.num_images + 2
        first, second = self.only_first + 0.5, self.only_second + 0.5
        center = (first - second) / total
        half_width = Z * math.sqrt((first + second) - (first - second) ** 2 / total) / total
        return Interval(max(center - half_width, -1.0), min(center + half_width, 1.0))

    @property
    def p_value(self) -> float:
        """McNemar's exact test: two-sided binomial on the images that only one named rightly.

        Source: McNemar 1947, https://doi.org/10.1007/BF02295996.
        """
        discordant = self.only_first + self.only_second
        fewer = min(self.only_first, self.only_second)
        # Each term from the logarithm of the largest: whole numbers would have thousands of digits.
        counts = np.arange(fewer + 1)
        logs = np.concatenate([[0.0], np.cumsum(np.log((discordant - counts[:-1]) / counts[1:]))])
        largest = logs[-1]
        tail = float(np.exp(logs - largest).sum())
        return min(1.0, 2 * tail * math.exp(largest - discordant * math.log(2)))

    @property
    def num_images_needed(self) -> int | None:
        """How many images would tell, with 80% power; None when no difference was seen.

        Source: Connor 1987, https://doi.org/10.2307/2531961.
        """
        if self.only_first == self.only_second:
            return None
        discordant = (self.only_first + self.only_second) / self.num_images
        spread = Z * math.sqrt(discordant)
        spread += _Z_POWER * math.sqrt(discordant - self.difference**2)
        return math.ceil((spread / self.difference) ** 2)

    def sentence(self, first: str, second: str) -> str:
        """Say which of two networks, by name, is better, or that these images cannot tell."""
        interval = self.interval
        amount = (
            f"{abs(self.difference) * 100:.1f} points of test accuracy (95% interval of the "
            f"difference {interval.low * 100:+.1f} to {interval.high * 100:+.1f}, McNemar's exact "
            f"p = {self.p_value:.2g})"
        )
        if self.p_value < SIGNIFICANT:
            how = "better" if self.difference > 0 else "worse"
            return f"{first} is {how} than {second} by {amount}."
        needed = self.num_images_needed
        hope = f"about {needed:,} would" if needed is not None else "they did equally well"
        return (
            f"These {self.num_images:,} images cannot tell {first} from {second}: they differ by "
            f"{amount}; {hope}."
        )
