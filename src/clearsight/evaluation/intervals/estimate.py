"""`Estimate`: a score with its 95% interval, and how that was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clearsight.evaluation.intervals.proportions import Interval, wilson_interval


@dataclass(frozen=True)
class Estimate:
    """One score of some images.

    Attributes:
        value: the score; None where it is not defined, as precision of a class never predicted.
        interval: its 95% interval; None where the score is.
        method: of the interval: Wilson's, or a bootstrap over images.
        num_images: how many images the score counts.
    """

    value: float | None
    interval: Interval | None
    method: Literal["wilson", "bootstrap"]
    num_images: int


def share_of(num_hits: int, num_trials: int) -> Estimate:
    """Return a share of images with Wilson's interval.

    Args:
        num_hits: 0..num_trials.
        num_trials: 0 gives a score that is not defined.

    Example:
        >>> share_of(2649, 3000).value
        0.883
        >>> share_of(0, 0).value is None
        True
    """
    if num_trials == 0:
        return Estimate(None, None, "wilson", 0)
    interval = wilson_interval(num_hits, num_trials)
    return Estimate(num_hits / num_trials, interval, "wilson", num_trials)
