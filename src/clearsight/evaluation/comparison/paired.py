"""Two networks on the same images: which is better, and whether there are enough images to know."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.intervals.interval import Interval, Z

_Z_POWER = 0.8416212335729143  # 80% quantile of the standard normal distribution
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class PairedComparison:
    """The results of two networks on the same images.

    Attributes:
        num_images: how many images.
        only_first: how many images only the first network classified correctly.
        only_second: how many images only the second network classified correctly.
    """

    num_images: int
    only_first: int
    only_second: int

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> PairedComparison:
        """Compare image by image.

        Args:
            first: bool (N,), whether the first network classified each image correctly.
            second: bool (N,), the same for the second network.
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
        return Interval(center - half_width, center + half_width).clip(-1.0, 1.0)

    @property
    def p_value(self) -> float:
        """McNemar's exact test: two-sided binomial, on the images that only one got right.

        Source: McNemar 1947, https://doi.org/10.1007/BF02295996.
        """
        from scipy.special import bdtr

        discordant = self.only_first + self.only_second
        return min(1.0, 2 * float(bdtr(min(self.only_first, self.only_second), discordant, 0.5)))

    @property
    def num_images_needed(self) -> int | None:
        """How many images would show the difference, with 80% power; None if there is none.

        Source: Connor 1987, https://doi.org/10.2307/2531961.
        """
        if self.only_first == self.only_second:
            return None
        discordant = (self.only_first + self.only_second) / self.num_images
        spread = Z * math.sqrt(discordant)
        spread += _Z_POWER * math.sqrt(discordant - self.difference**2)
        return math.ceil((spread / self.difference) ** 2)

    def sentence(self, first: str, second: str) -> str:
        """Return which network is better, by these names, or that there are too few images."""
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
        if needed is None:
            return (
                f"{first} and {second} did equally well on these {self.num_images:,} images: they "
                f"differ by {amount}."
            )
        return (
            f"These {self.num_images:,} images are too few to tell {first} from {second}: they "
            f"differ by {amount}; about {needed:,} images are needed."
        )
