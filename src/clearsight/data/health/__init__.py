"""What is wrong with images before anything trains: the one table of checks.

To add one: a file beside this one with `check(examined)`, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clearsight.data.health import (
    background,
    bad_files,
    channels,
    class_balance,
    exact_duplicates,
    near_duplicates,
    polarity,
    values,
)
from clearsight.data.health import odd_images as odd_images
from clearsight.data.health.examined import Examined
from clearsight.data.health.finding import Finding


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what the table is looked up by.
        summary: what it looks for, in a few words.
        run: looks at the images and returns what it found.
        is_short: whether it is cheap enough to run before every training.
    """

    name: str
    summary: str
    run: Callable[[Examined], list[Finding]]
    is_short: bool = False


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check("bad-files", "unreadable images", bad_files.check),
        Check("exact-duplicates", "equal images", exact_duplicates.check, is_short=True),
        Check("near-duplicates", "the same photograph again", near_duplicates.check, is_short=True),
        Check("class-balance", "rare and absent classes", class_balance.check, is_short=True),
        Check("values", "values in a small range", values.check, is_short=True),
        Check("odd-images", "blank, dark, blurred, other shape", odd_images.check),
        Check("polarity", "light and dark swapped", polarity.check),
        Check("channels", "grey stored as colour", channels.check),
        Check("background", "one background for one class", background.check),
    )
}
