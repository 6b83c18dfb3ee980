"""The first convolution's filters, beside the patches that they respond to most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Filter:
    """One filter of the first convolution.

    Attributes:
        index: which output channel it makes.
        kernel: float32 (rows, columns, C), its weights.
        picture: uint8 (rows, columns, C), the kernel drawn: 128 is 0, 0 and 255 are minus and plus
            its largest absolute weight.
        lowest: its lowest weight.
        highest: its highest weight.
        patches: uint8 (k, rows, columns, C), the patches that it responds to most, the strongest
            first, one a picture at most; black where a patch reaches past the picture's border.
        responses: float32 (k,), what the convolution gives for them, before its activation.
        places: int64 (k, 3), for each patch: which picture, and the row and column of its upper
            left corner there, negative where it begins before the picture.
    """

    index: int
    kernel: np.ndarray
    picture: np.ndarray
    lowest: float
    highest: float
    patches: np.ndarray
    responses: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Filters:
    """The first convolution's filters.

    Attributes:
        layer_name: the convolution's name.
        num_filters: how many it has.
        shown: some of them or all, those first whose weights are largest.
    """

    layer_name: str
    num_filters: int
    shown: tuple[Filter, ...]
