"""Heat maps: where in a picture the evidence for a class lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """Where the evidence for a class lies, for some pictures.

    Attributes:
        maps: float32 (N, H, W), 0..1, of the pictures' size: 1 at a picture's strongest evidence
            for the class, 0 where there is none. All 0 where nothing speaks for the class.
        classes: int64 (N,), the class that each map is for.
        layer_name: whose output the evidence was read from.
        grid: rows and columns of that output: how fine the maps really are.
        method: the method's name, to be shown.
    """

    maps: np.ndarray
    classes: np.ndarray
    layer_name: str
    grid: tuple[int, int]
    method: str
