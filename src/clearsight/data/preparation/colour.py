"""Whether images are in colour, or grey although they are stored in colours."""

import numpy as np

from clearsight.data.preparation.pixel_range import PixelRange

_MIN_SPREAD = 16 / 255  # of a pixel's colours, as a fraction of their range; less is noise
_PIXELS_AT_ONCE = 1 << 16  # they stay in a core's cache, and colour mostly shows in the first


def is_in_colour(image: np.ndarray, pixel_range: PixelRange) -> bool:
    """Return whether a visible pixel of an image, numbers (H, W, C), differs from all greys.

    `pixel_range` is that of its values.
    """
    if image.shape[-1] < 3:
        return False
    least = _MIN_SPREAD * (pixel_range.high - pixel_range.low)
    num_rows = max(_PIXELS_AT_ONCE // image.shape[1], 1)
    for top in range(0, len(image), num_rows):
        red, green, blue, *alpha = np.moveaxis(image[top : top + num_rows], -1, 0)
        highest = np.maximum(np.maximum(red, green), blue)
        is_colour = highest - np.minimum(np.minimum(red, green), blue) > least
        if alpha:
            is_colour &= alpha[0] > 0
        if is_colour.any():
            return True
    return False


def has_colour(images: np.ndarray) -> bool:
    """Return whether any of images, uint8 (N, H, W, C), is in colour; mostly the first is."""
    num_images = max(_PIXELS_AT_ONCE // (images.shape[1] * images.shape[2]), 1)
    for first in range(0, len(images), num_images):
        block = images[first : first + num_images]  # small ones together, as one high image
        if is_in_colour(block.reshape(-1, *images.shape[2:]), PixelRange(0, 255)):
            return True
    return False
