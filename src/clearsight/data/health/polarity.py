"""Images with inverted brightness."""

from collections.abc import Iterator

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import ROLE_ADJECTIVES, Flaw, ImagePool
from clearsight.data.preparation.polarity import find_polarity

_DARK_BORDER, _LIGHT_BORDER = 64.0, 191.0
# If this fraction of all borders is clearly dark (or light), clearly light (or dark) ones are odd.
_CLEAR_FRACTION = 0.9


def check(pool: ImagePool) -> Iterator[Finding]:
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
            title=f"All {ROLE_ADJECTIVES[part]} images are inverted",
            severity="problem",
            count=len(pool.splits.parts[part]),
            total=len(pool),
            message=f"The {ROLE_ADJECTIVES[part]} images are {polarity.replace('-', ' ')}, but "
            f"the training images are {expected.replace('-', ' ')}",
            advice="Invert one of the two sets (255 - pixels).",
        )
        for part, polarity in polarities.items()
        if "mixed" not in (polarity, expected) and polarity != expected
    ]
