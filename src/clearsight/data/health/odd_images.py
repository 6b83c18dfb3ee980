"""Images unlike the rest: nearly blank, dark, blurred, or of another shape."""

from __future__ import annotations

import numpy as np

from clearsight.data.health.examined import Examined
from clearsight.data.health.finding import Finding, images_in_words

_BLANK = 4.0  # grey levels: a contrast below it shows nothing
_DARK, _DARK_SHARE = 64.0, 0.25  # brightest pixel: absolute, and of what is usual among the rest
# How far below the median, in robust standard deviations of the logarithm, sharpness is no longer
# that of its class.
_BLURRED = 4.0
_MAD_TO_DEVIATION = 1.4826  # for normally distributed values
_OTHER_SHAPE = 1.6  # a 4:3 photograph turned on its side is 1.78 times as tall
_FEW = 0.1  # past this share of another shape there is no usual one


def check(examined: Examined) -> list[Finding]:
    """Find odd images."""
    statistics = examined.statistics
    blank = statistics.contrast < _BLANK
    usual = np.median(statistics.brightest)
    dark = ~blank & (statistics.brightest < min(_DARK, _DARK_SHARE * usual))
    blurred = ~blank & ~dark & _blurred(examined)
    findings = [
        _finding(
            examined, blank, "blank-images", "Nearly blank images",
            "shows next to nothing: all its pixels have about one brightness",
            "show next to nothing: all their pixels have about one brightness",
            "Take them out, unless a blank image is what a class looks like.",
        ),
        _finding(
            examined, dark, "dark-images", "Dark images",
            f"stays below {min(_DARK, _DARK_SHARE * usual):.0f} of 255 where others reach "
            f"{usual:.0f}",
            f"stay below {min(_DARK, _DARK_SHARE * usual):.0f} of 255 where others reach "
            f"{usual:.0f}",
            "Look whether they can be seen at all; brighten them or take them out.",
        ),
        _finding(
            examined, blurred, "blurred-images", "Blurred images, or smooth ones",
            "has far less fine detail than the others of its class",
            "have far less fine detail than the others of their class",
            "Take blurred ones out, unless images to predict will be as blurred.",
        ),
    ]  # fmt: skip
    return [finding for finding in findings if finding] + _shapes(examined)


def _blurred(examined: Examined) -> np.ndarray:
    """Tell which images are much less sharp than their class: bool (N,)."""
    sharpness = np.log(np.maximum(examined.statistics.sharpness, 1e-6))
    blurred = np.zeros(len(sharpness), dtype=bool)
    for label in np.unique(examined.labels):
        members = np.flatnonzero(examined.labels == label)
        values = sharpness[members]
        median = np.median(values)
        deviation = _MAD_TO_DEVIATION * np.median(np.abs(values - median))
        # Half as sharp at most: in an even class the least difference would count otherwise.
        blurred[members] = values < median - max(_BLURRED * deviation, np.log(2))
    return blurred


def _finding(
    examined: Examined, which: np.ndarray, id: str, title: str, *words: str
) -> Finding | None:
    count = int(which.sum())
    if not count:
        return None
    one, many, advice = words
    return Finding(
        id=id,
        title=title,
        severity="warning",
        count=count,
        examined=len(examined),
        found=f"{images_in_words(count)} {one if count == 1 else many}",
        advice=advice,
        examples=examined.examples(np.flatnonzero(which)),
    )


def _shapes(examined: Examined) -> list[Finding]:
    """Images that were much taller or wider than the rest before they got one size."""
    sizes = [
        np.zeros((len(images), 2)) if images.original_sizes is None else images.original_sizes
        for images in examined.splits.parts.values()
    ]
    heights, widths = np.concatenate(sizes).astype(float).T
    known = (heights > 0) & (widths > 0)
    if not known.any():
        return []
    ratios = np.ones(len(known))
    ratios[known] = widths[known] / heights[known]
    usual = float(np.median(ratios[known]))
    other = known & (np.abs(np.log(ratios / usual)) > np.log(_OTHER_SHAPE))
    count = int(other.sum())
    if not count or count > _FEW * known.sum():
        return []
    chosen = np.flatnonzero(other)
    size = f"{widths[chosen[0]]:.0f}x{heights[chosen[0]]:.0f}"
    return [
        Finding(
            id="odd-shapes",
            title="Images of another shape",
            severity="warning",
            count=count,
            examined=int(known.sum()),
            found=f"{images_in_words(count)} {'has' if count == 1 else 'have'} quite another "
            f"ratio of width to height than the usual {usual:.2f}, the first with {size} pixels",
            advice="Turn those that lie on their side, and cut those that show more than the rest.",
            examples=examined.examples(chosen, "of another shape"),
        )
    ]
