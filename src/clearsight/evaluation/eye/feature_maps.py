"""What each layer makes of one picture: its most telling feature maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """Some feature maps of one layer, for one picture.

    Attributes:
        layer_name: the layer's name.
        kind: its class, e.g. "Conv2D".
        num_maps: how many maps it gives.
        channels: int64 (k,), which of them are shown: those that vary most over the picture, the
            most variable first.
        maps: float32 (k, rows, columns), as the layer gives them.
        pictures: uint8 (k, rows, columns), each map drawn: black its lowest, white its highest
            value; black throughout where it is even.
        lowest: float32 (k,), each map's lowest value.
        highest: float32 (k,), its highest.
        num_even: how many of all maps have one value everywhere and say nothing of this picture.
    """

    layer_name: str
    kind: str
    num_maps: int
    channels: np.ndarray
    maps: np.ndarray
    pictures: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    num_even: int
