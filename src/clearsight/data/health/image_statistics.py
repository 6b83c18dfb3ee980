"""`ImageStatistics`: a few numbers about every image, computed in one pass."""

from dataclasses import dataclass, fields

import numpy as np

from clearsight.data.health.fingerprints import shrink, shrink_factor, to_grey
from clearsight.data.health.joined_images import Images, block_length
from clearsight.data.preparation.polarity import border_pixels

_SIDE = 64  # pixels; larger images are shrunk first


@dataclass(frozen=True)
class ImageStatistics:
    """A few numbers about every image.

    Attributes:
        contrast: float32 (N,), standard deviation of brightness, in grey levels.
        brightest: float32 (N,), the 98th percentile of brightness, 0..255.
        sharpness: float32 (N,), mean square of the differences between neighbouring pixels,
            divided by the variance; 0 for blank images.
        border: float32 (N,), median brightness of the outermost pixels, 0..255.
        is_grey: bool (N,), whether red, green and blue are equal in all pixels; true for images
            with one channel.
    """

    contrast: np.ndarray
    brightest: np.ndarray
    sharpness: np.ndarray
    border: np.ndarray
    is_grey: np.ndarray


def compute_statistics(images: Images) -> ImageStatistics:
    """Compute the statistics of images, uint8 (N, H, W, C), block by block."""
    factor = shrink_factor(images.shape[1:3], _SIDE)
    length = block_length(images.shape)
    blocks = [
        _statistics(images[np.arange(start, min(start + length, len(images)))], factor)
        for start in range(0, len(images), length)
    ]
    names = [field.name for field in fields(ImageStatistics)]
    return ImageStatistics(
        **{name: np.concatenate([getattr(block, name) for block in blocks]) for name in names}
    )


def _statistics(block: np.ndarray, factor: int) -> ImageStatistics:
    """Return the statistics of a block, uint8 (N, H, W, C), shrunk by a factor first."""
    colours = block[..., :3]
    is_grey = (colours == colours[..., :1]).all(axis=(1, 2, 3))
    grey = to_grey(shrink(block, factor))
    variance = grey.var(axis=(1, 2))
    edges = sum(
        np.square(np.diff(grey, axis=axis)).mean(axis=(1, 2)) if grey.shape[axis] > 1 else 0.0
        for axis in (1, 2)
    )
    flat = grey.reshape(len(grey), -1)
    rank = int(0.98 * (flat.shape[1] - 1))
    return ImageStatistics(
        contrast=np.sqrt(variance),
        brightest=np.partition(flat, rank, axis=1)[:, rank],
        sharpness=edges / np.maximum(variance, 1.0),
        border=np.median(border_pixels(grey[..., None])[..., 0], axis=1),
        is_grey=is_grey,
    )
