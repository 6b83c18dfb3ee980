"""Images unlike the others: nearly blank, dark, blurred, or of another shape."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from clearsight.data.health.finding import Finding
from clearsight.data.health.image_pool import Flaw, ImagePool

_BLANK = 4.0  # grey levels; less contrast shows nothing
# Brightest pixel of a dark image: absolute, and as a fraction of the median over all images.
_DARK, _DARK_FRACTION = 64.0, 0.25
# Robust standard deviations of the logarithm of sharpness below the median of the class.
_BLURRED = 4.0
_MAD_TO_DEVIATION = 1.4826  # for normally distributed values
_OTHER_SHAPE = 1.6  # a 4:3 photograph turned on its side is 1.78 times as tall
_FEW = 0.1  # if more than this fraction has another shape, there is no usual one

_BLANK_IMAGES = Flaw(
    "blank-images",
    "Nearly blank images",
    "is nearly uniform: all its pixels have about the same brightness",
    "are nearly uniform: all their pixels have about the same brightness",
    "Remove them, unless a class really consists of blank images.",
    is_removed=True,
)
_BLURRED_IMAGES = Flaw(
    "blurred-images",
    "Blurred or very smooth images",
    "has far less fine detail than the others of its class",
    "have far less fine detail than the others of their class",
    "Remove blurred images, unless the images to predict will be as blurred.",
)


def check(pool: ImagePool) -> Iterator[Finding]:
    """Find odd images."""
    statistics = pool.statistics
    is_blank = statistics.contrast < _BLANK
    usual = float(np.median(statistics.brightest))
    limit = min(_DARK, _DARK_FRACTION * usual)
    is_dark = ~is_blank & (statistics.brightest < limit)
    limits = f"below {limit:.0f} of 255, while others reach {usual:.0f}"
    dark_images = Flaw(
        "dark-images",
        "Dark images",
        f"is dark: 98% of its pixels are {limits}",
        f"are dark: 98% of their pixels are {limits}",
        "Check whether anything can be seen in them; brighten or remove them.",
    )
    yield from pool.find_flaw(_BLANK_IMAGES, is_blank)
    yield from pool.find_flaw(dark_images, is_dark)
    yield from pool.find_flaw(_BLURRED_IMAGES, ~is_blank & ~is_dark & _is_blurred(pool))
    yield from _odd_shapes(pool)


def _is_blurred(pool: ImagePool) -> np.ndarray:
    """Return which images are much less sharp than their class: bool (N,)."""
    sharpness = np.log(np.maximum(pool.statistics.sharpness, 1e-6))
    is_blurred = np.zeros(len(sharpness), dtype=bool)
    for label in np.unique(pool.labels):
        members = np.flatnonzero(pool.labels == label)
        values = sharpness[members]
        median = np.median(values)
        deviation = _MAD_TO_DEVIATION * np.median(np.abs(values - median))
        # At most half as sharp: in a uniform class the least difference would count otherwise.
        is_blurred[members] = values < median - max(_BLURRED * deviation, np.log(2))
    return is_blurred


def _odd_shapes(pool: ImagePool) -> Iterator[Finding]:
    """Find images that were much taller or wider than the others before resizing."""
    sizes = [
        np.zeros((len(images), 2)) if images.original_sizes is None else images.original_sizes
        for images in pool.splits.parts.values()
    ]
    heights, widths = np.concatenate(sizes).astype(float).T
    is_known = (heights > 0) & (widths > 0)
    if not is_known.any():
        return
    ratios = np.ones(len(is_known))
    ratios[is_known] = widths[is_known] / heights[is_known]
    usual = float(np.median(ratios[is_known]))
    is_odd = is_known & (np.abs(np.log(ratios / usual)) > np.log(_OTHER_SHAPE))
    if not 0 < is_odd.sum() <= _FEW * is_known.sum():
        return
    first = np.flatnonzero(is_odd)[0]
    ratio = f"ratio of width to height than the usual {usual:.2f}, for example one of "
    ratio += f"{widths[first]:.0f}x{heights[first]:.0f} pixels"
    flaw = Flaw(
        "odd-shapes",
        "Images of another shape",
        f"has a very different {ratio}",
        f"have a very different {ratio}",
        "Rotate those that lie on their side, and crop those that show more than the others.",
    )
    (finding,) = pool.find_flaw(flaw, is_odd, "of another shape")
    yield replace(finding, total=int(is_known.sum()))
