"""Choosing some of many."""

from __future__ import annotations

import numpy as np


def evenly_spaced(num_images: int, most: int) -> np.ndarray:
    """Return the places of at most so many images, spread over all: they may be sorted by class.

    Returns:
        int64 (M,), the first and the last among them.

    Example:
        >>> evenly_spaced(100, 4).tolist(), evenly_spaced(3, 4).tolist()
        ([0, 33, 66, 99], [0, 1, 2])
    """
    return np.linspace(0, num_images - 1, min(num_images, most)).astype(np.int64)
