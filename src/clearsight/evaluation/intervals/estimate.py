"""`Estimate`: a score with its 95% interval and the method behind it."""

from dataclasses import dataclass
from typing import Literal

from clearsight.evaluation.intervals.interval import Interval
from clearsight.evaluation.intervals.proportions import wilson_interval


@dataclass(frozen=True)
class Estimate:
    """A score of some images.

    Attributes:
        value: the score; None if undefined, such as the precision of a class never predicted.
        interval: its 95% interval; None if the score is undefined.
        method: of the interval: Wilson's, or a bootstrap over images.
        num_images: how many images the score is computed on.
    """

    value: float | None
    interval: Interval | None
    method: Literal["wilson", "bootstrap"]
    num_images: int

    @property
    def about(self) -> str:
        """The interval and the number of images, in words."""
        interval = "no interval"
        if self.interval is not None:
            interval = f"95% interval {self.interval.low:.3f} to {self.interval.high:.3f}"
        return f"{interval}, {self.num_images:,} images"

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return "undefined" if self.value is None else f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.interval.low:.3f} to {self.interval.high:.3f})"

    def __post_init__(self) -> None:
        if self.value is None and self.interval is not None:
            raise ValueError("a score that is undefined has no interval")


def estimate_fraction(num_hits: int, num_trials: int) -> Estimate:
    """Return a fraction of images with Wilson's interval; without trials it is undefined.

    Example:
        >>> estimate_fraction(2649, 3000).value
        0.883
        >>> estimate_fraction(0, 0).value is None
        True
    """
    if num_trials == 0:
        return Estimate(None, None, "wilson", 0)
    interval = wilson_interval(num_hits, num_trials)
    return Estimate(num_hits / num_trials, interval, "wilson", num_trials)
