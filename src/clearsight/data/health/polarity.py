"""Images with light and dark swapped against the rest."""

from __future__ import annotations

import numpy as np

from clearsight.data.health.examined import KIND_OF_ROLE, Examined
from clearsight.data.health.finding import Finding, images_in_words
from clearsight.data.preparation.polarity import polarity_of

_DARK_BORDER, _LIGHT_BORDER = 64.0, 191.0
# A part has one ground when this share of borders is clearly dark or clearly light; then those few
# that are clearly the other way round are odd.
_CLEAR_SHARE = 0.9


def check(examined: Examined) -> list[Finding]:
    """Find images, or whole parts, whose ground is light where that of the others is dark."""
    findings = _parts(examined)
    border = examined.statistics.border
    dark, light = border < _DARK_BORDER, border > _LIGHT_BORDER
    if findings or max(dark.mean(), light.mean()) < _CLEAR_SHARE:
        return findings
    usual, odd = ("dark", light) if dark.mean() > light.mean() else ("light", dark)
    count = int(odd.sum())
    if not count:
        return []
    other = "light" if usual == "dark" else "dark"
    return [
        Finding(
            id="inverted-images",
            title="Images with light and dark swapped",
            severity="warning",
            count=count,
            examined=len(examined),
            found=f"{images_in_words(count)} {'has' if count == 1 else 'have'} a {other} border "
            f"where nearly all have a {usual} one",
            advice="Look at them: inverted ones should be turned over (255 - pixels).",
            examples=examined.examples(np.flatnonzero(odd), f"{other} border"),
        )
    ]


def _parts(examined: Examined) -> list[Finding]:
    found = {
        part: polarity_of(images.images[:: max(len(images) // 1000, 1)])
        for part, images in examined.splits.parts.items()
    }
    train = found["train"]
    return [
        Finding(
            id=f"inverted-{part}",
            title=f"All {KIND_OF_ROLE[part]} images are inverted",
            severity="problem",
            count=len(examined.splits.parts[part]),
            examined=len(examined),
            found=f"The {KIND_OF_ROLE[part]} images show {_words(polarity)}, but the training "
            f"images {_words(train)}",
            advice="Turn one of the two over (255 - pixels).",
        )
        for part, polarity in found.items()
        if "mixed" not in (polarity, train) and polarity != train
    ]


def _words(polarity: str) -> str:
    return polarity.replace("-", " ")
