"""Checks of a dataset before training: the table of checks.

To add one: a file next to this one with `check(pool)`, and a row here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clearsight.data.health import (
    background,
    bad_files,
    class_balance,
    duplicates,
    odd_images,
    pixel_values,
)
from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ImagePool


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: the check's key in the table.
        summary: what it searches for, in a few words.
        run: checks the images and returns its findings.
        is_cheap: whether it also runs before every training.
    """

    name: str
    summary: str
    run: Callable[[ImagePool], Iterable[Finding]]
    is_cheap: bool = False


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check("bad-files", "unusable images", bad_files.check),
        Check("exact-duplicates", "exact duplicates", duplicates.check_exact, is_cheap=True),
        Check("near-duplicates", "near-duplicates", duplicates.check_near, is_cheap=True),
        Check("class-balance", "rare and missing classes", class_balance.check, is_cheap=True),
        Check(
            "value-range", "pixel values in a small range", pixel_values.check_range, is_cheap=True
        ),
        Check("odd-images", "blank, dark, blurred or oddly shaped images", odd_images.check),
        Check("polarity", "inverted brightness", pixel_values.check_polarity),
        Check("channels", "grey images stored as colour", pixel_values.check_channels),
        Check("background", "backgrounds that reveal the class", background.check),
    )
}
