"""What a run's network looks at, on its own test pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.data.imageset import ImageSet
from clearsight.evaluation.eye.deletion import Deletion
from clearsight.evaluation.eye.feature_maps import LayerMaps
from clearsight.evaluation.eye.filters import Filters
from clearsight.evaluation.eye.worked_pixel import WorkedPixel
from clearsight.run.saved import Run


@dataclass(frozen=True, eq=False)
class LookedAt:
    """One picture, and where the network looks.

    Attributes:
        index: which of the measured pictures it is.
        name: what to call it.
        image: uint8 (H, W, C), 0..255.
        label: its true class.
        predicted: the class that the network names.
        probability: of the named class, 0..1.
        label_probability: of the true class, 0..1.
        heat_map: float32 (H, W), 0..1, the evidence for the named class; None where the network
            allows no heat maps.
        label_heat_map: float32 (H, W), 0..1, the evidence for the true class; None where that is
            the named one, or where the network allows no heat maps.
    """

    index: int
    name: str
    image: np.ndarray
    label: int
    predicted: int
    probability: float
    label_probability: float
    heat_map: np.ndarray | None
    label_heat_map: np.ndarray | None


@dataclass(frozen=True)
class Eye:
    """What a run's network looks at.

    Attributes:
        class_names: label k means ``class_names[k]``.
        right: for each of up to ten classes the picture named rightly with the highest probability.
        mistakes: the wrongly named pictures with the highest probabilities, the surest first.
        method: the name of the heat maps' method; None where there are no heat maps.
        heat_map_layer: the layer that they are read from; None likewise.
        heat_map_grid: rows and columns of its output, how fine they really are; None likewise.
        deletion: whether the heat maps mean anything, on more pictures than are shown; None
            likewise. Its `verdict` is to be shown wherever a heat map is.
        filters: of the first convolution; None where that cannot be shown.
        feature_map_picture: the picture that the feature maps and the worked pixel are of.
        feature_maps: one entry a layer whose output has rows and columns; empty where none has.
        worked_pixel: of the first convolution; None where that cannot be shown.
        missing: a sentence for each part that cannot be shown, with the reason.
    """

    class_names: tuple[str, ...]
    right: tuple[LookedAt, ...]
    mistakes: tuple[LookedAt, ...]
    method: str | None
    heat_map_layer: str | None
    heat_map_grid: tuple[int, int] | None
    deletion: Deletion | None
    filters: Filters | None
    feature_map_picture: LookedAt
    feature_maps: tuple[LayerMaps, ...]
    worked_pixel: WorkedPixel | None
    missing: tuple[str, ...]


def look(
    run: Run, pictures: ImageSet | None = None, probabilities: np.ndarray | None = None
) -> Eye:
    """Look at what a run's network looks at.

    Args:
        run: one that has weights.
        pictures: those to choose from; None for the run's own test pictures.
        probabilities: float32 (N, K), the network's for them, where they are known already.

    Raises:
        DataError: when there are no pictures to look at.
        RunError: when the run's own pictures no longer exist.
    """
    raise NotImplementedError
