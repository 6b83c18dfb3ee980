"""Pixel values in a small range, inverted brightness, and grey images stored as colour."""

from collections.abc import Iterator

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ROLE_ADJECTIVES, Flaw, ImagePool
from clearsight.data.preparation.polarity import find_polarity

_NARROW = 64  # values; a quarter of what uint8 holds
_DARK_BORDER, _LIGHT_BORDER = 64.0, 191.0
# If this fraction of all borders is clearly dark (or light), clearly light (or dark) ones are odd.
_CLEAR_FRACTION = 0.9
_SOME_GREY = Flaw(
    "some-images-grey",
    "Grey images among colour images",
    "has no colour",
    "have no colour",
    "Make sure that no class consists only of grey images, or their lack of colour will reveal "
    "the class.",
    severity="note",
)


def check_range(pool: ImagePool) -> Iterator[Finding]:
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


def check_polarity(pool: ImagePool) -> Iterator[Finding]:
    """Find images, or whole parts, with a light background where that of the others is dark."""
    findings = _inverted_parts(pool)
    yield from findings
    border = pool.statistics.border
    dark, light = border < _DARK_BORDER, border > _LIGHT_BORDER
    if findings or max(dark.mean(), light.mean()) < _CLEAR_FRACTION:
        return
    usual, other, odd = (
        ("dark", "light", light) if dark.mean() > light.mean() else ("light", "dark", dark)
    )
    flaw = Flaw(
        "inverted-images",
        "Images with inverted brightness",
        f"has a {other} border, while nearly all others have a {usual} one",
        f"have a {other} border, while nearly all others have a {usual} one",
        "Inspect them, and invert those that are inverted (255 - pixels).",
    )
    yield from pool.find_flaw(flaw, odd, f"{other} border")


def _inverted_parts(pool: ImagePool) -> list[Finding]:
    polarities = {
        part: find_polarity(images.images[:: max(len(images) // 1000, 1)])
        for part, images in pool.splits.parts.items()
    }
    expected = polarities["train"]
    return [
        Finding(
            id=f"inverted-{part}",
            title=f"{ROLE_ADJECTIVES[part].capitalize()} images with inverted brightness",
            severity="problem",
            count=len(pool.splits.parts[part]),
            total=len(pool),
            message=f"The {ROLE_ADJECTIVES[part]} images are mostly {polarity.replace('-', ' ')}, "
            f"but the training images are mostly {expected.replace('-', ' ')}",
            advice="Invert one of the two sets (255 - pixels).",
        )
        for part, polarity in polarities.items()
        if "mixed" not in (polarity, expected) and polarity != expected
    ]


def check_channels(pool: ImagePool) -> Iterator[Finding]:
    """Find images without colour among those stored in colour."""
    if pool.images.shape[-1] < 3:
        return
    if not pool.statistics.is_grey.all():
        yield from pool.find_flaw(_SOME_GREY, pool.statistics.is_grey)
        return
    yield Finding(
        id="grey-stored-as-colour",
        title="Grey images stored as colour",
        severity="note",
        count=len(pool),
        total=len(pool),
        message="Red, green and blue are equal in all images, so the same grey values are "
        "stored three times",
        advice="Store one channel, which is faster to read and to train on.",
    )
