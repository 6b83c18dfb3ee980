"""Pixel values that use only a small part of 0 to 255."""

from collections.abc import Iterator

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ROLE_ADJECTIVES, ImagePool

_NARROW = 64  # values; a quarter of what uint8 holds


def check(pool: ImagePool) -> Iterator[Finding]:
    """Find parts whose lowest and highest pixel values are close together."""
    for part, images in pool.splits.parts.items():
        low, high = images.value_range
        if high - low >= _NARROW:
            continue
        which = f"{ROLE_ADJECTIVES[part]} images"
        if low == high:
            message = f"All pixels of the {which} are {low}"
            advice = "Check where the images come from."
        elif high <= 1:
            message = f"All pixels of the {which} are 0 or 1, as if values from 0 to 1 had been "
            message += "rounded down"
            advice = "Multiply by 255 before converting to uint8, or threshold to 0 and 255."
        else:
            message = f"The {which} only use the values {low} to {high} of 0 to 255"
            advice = (
                f"Stretch them, for example with (pixels - {low}) * (255 / {high - low}), rounded."
            )
        yield Finding(
            id=f"value-range-{part}",
            title="Pixel values in a small range",
            severity="problem" if high <= 1 or low == high else "warning",
            count=len(images),
            total=len(images),
            message=message,
            advice=advice,
        )
