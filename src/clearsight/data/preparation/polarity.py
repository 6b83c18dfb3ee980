"""Polarity: whether images show light things on a dark background or the reverse."""

from typing import Literal

import numpy as np

Polarity = Literal["light-on-dark", "dark-on-light", "mixed"]

_CLEAR_FRACTION = 0.9  # of images with the same polarity, below which a set is mixed
_MIDDLE_GREY = 127.5
REC_601 = np.array([0.299, 0.587, 0.114])  # luma weights, ITU-R BT.601, as Pillow's mode "L"


def border_pixels(images: np.ndarray) -> np.ndarray:
    """Return the outermost pixels of each image: uint8 (N, H, W, C) to uint8 (N, P, C)."""
    edges = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    return np.concatenate(edges, axis=1)


def find_polarity(images: np.ndarray) -> Polarity:
    """Return the polarity of images, uint8 (N, H, W, C), from their borders.

    A border is dark if the median brightness of its pixels is below middle grey.
    """
    border = border_pixels(images)
    brightness = border[..., :3] @ REC_601 if border.shape[-1] >= 3 else border[..., 0]
    dark_fraction = float(np.mean(np.median(brightness, axis=1) < _MIDDLE_GREY))
    if dark_fraction >= _CLEAR_FRACTION:
        return "light-on-dark"
    return "dark-on-light" if dark_fraction <= 1 - _CLEAR_FRACTION else "mixed"
