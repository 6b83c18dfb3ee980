"""Whether images show light things on dark ground or the reverse, told by their borders."""

from __future__ import annotations

from typing import Literal

import numpy as np

Polarity = Literal["light-on-dark", "dark-on-light", "mixed"]

# Images have one polarity when at least this share of them have borders of that kind.
_CLEAR_SHARE = 0.9
_MIDDLE_GREY = 127.5
REC_601 = np.array([0.299, 0.587, 0.114])  # luma weights, ITU-R BT.601, as Pillow's mode "L"


def border_pixels(images: np.ndarray) -> np.ndarray:
    """Return the outermost pixels of each image.

    Args:
        images: uint8 (N, H, W, C).

    Returns:
        uint8 (N, P, C).
    """
    edges = (images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1])
    return np.concatenate(edges, axis=1)


def polarity_of(images: np.ndarray) -> Polarity:
    """Tell by their borders whether images show light things on dark ground or the reverse.

    A border is dark when the median brightness of the outermost pixels is below middle grey.

    Args:
        images: uint8 (N, H, W, C), 0..255.
    """
    border = border_pixels(images)
    brightness = border[..., :3] @ REC_601 if border.shape[-1] >= 3 else border[..., 0]
    dark_share = float(np.mean(np.median(brightness, axis=1) < _MIDDLE_GREY))
    if dark_share >= _CLEAR_SHARE:
        return "light-on-dark"
    return "dark-on-light" if dark_share <= 1 - _CLEAR_SHARE else "mixed"
