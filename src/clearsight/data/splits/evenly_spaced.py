"""A sample of images, evenly spaced in their order."""

import numpy as np


def evenly_spaced(num_images: int, max_sample: int) -> np.ndarray:
    """Return the indices of a sample, the first and the last image included: int64 (M,).

    They are evenly spaced because images may be sorted by class.

    Example:
        >>> evenly_spaced(100, 4).tolist(), evenly_spaced(3, 4).tolist()
        ([0, 33, 66, 99], [0, 1, 2])
    """
    return np.linspace(0, num_images - 1, min(num_images, max_sample)).astype(np.int64)
