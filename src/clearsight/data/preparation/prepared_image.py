"""`PreparedImage`: an image file, resized to a network's input."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image file, resized to a network's input.

    Attributes:
        pixels: uint8 (height, width, channels).
        warnings: sentences about what was left out or chosen, or may be wrong.
    """

    pixels: np.ndarray
    warnings: tuple[str, ...]
