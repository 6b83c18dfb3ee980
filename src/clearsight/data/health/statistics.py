"""`Statistics`: a few numbers for every image, worked out in one pass."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from clearsight.data.health.fingerprints import block_factor, grey_of, shrunk
from clearsight.data.health.joined_images import Images, block_length
from clearsight.data.preparation.polarity import border_pixels

_SIDE = 64  # pixels, the longer side of what is looked at, at most


@dataclass(frozen=True)
class Statistics:
    """A few numbers for every image.

    Attributes:
        contrast: float32 (N,), standard deviation of brightness, in grey levels.
        brightest: float32 (N,), brightness that only 2% of the pixels exceed, 0..255.
        sharpness: float32 (N,), mean square of the differences between neighbouring pixels as a
            share of the variance; 0 for blank images.
        border: float32 (N,), median brightness of the outermost pixels, 0..255.
        is_grey: bool (N,), whether red, green and blue are equal everywhere; all true for images
            with one channel.
    """

    contrast: np.ndarray
    brightest: np.ndarray
    sharpness: np.ndarray
    border: np.ndarray
    is_grey: np.ndarray


def statistics_of(images: Images) -> Statistics:
    """Work out the statistics of images, block by block.

    Args:
        images: uint8 (N, H, W, C).
    """
    factor = block_factor(images.shape[1:3], _SIDE)
    length = block_length(images.shape)
    blocks = [
        _statistics(images[np.arange(start, min(start + length, len(images)))], factor)
        for start in range(0, len(images), length)
    ]
    names = [field.name for field in fields(Statistics)]
    return Statistics(
        **{name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}
    )


def _statistics(block: np.ndarray, factor: int) -> Statistics:
    colours = block[..., :3]
    is_grey = (colours == colours[..., :1]).all(axis=(1, 2, 3))
    grey = grey_of(shrunk(block, factor))
    variance = grey.var(axis=(1, 2))
    edges = sum(
        np.square(np.diff(grey, axis=axis)).mean(axis=(1, 2)) if grey.shape[axis] > 1 else 0.0
        for axis in (1, 2)
    )
    flat = grey.reshape(len(grey), -1)
    place = int(0.98 * (flat.shape[1] - 1))
    return Statistics(
        contrast=np.sqrt(variance),
        brightest=np.partition(flat, place, axis=1)[:, place],
        sharpness=edges / np.maximum(variance, 1.0),
        border=np.median(border_pixels(grey[..., None])[..., 0], axis=1),
        is_grey=is_grey,
    )
