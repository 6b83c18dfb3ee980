"""`Saliency`: everything that explains what a network looks at in some images."""

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.saliency.by_hand import ByHand
from clearsight.evaluation.saliency.deletion_check import DeletionCheck
from clearsight.evaluation.saliency.feature_maps import LayerMaps
from clearsight.evaluation.saliency.filters import Filters
from clearsight.evaluation.saliency.heat_maps import HeatMaps


@dataclass(frozen=True, eq=False)
class SaliencyExample:
    """One image with its heat maps.

    Attributes:
        index: of the image among those evaluated.
        name: what to call it.
        image: uint8 (H, W, C), 0..255.
        label: its true class.
        predicted: the most probable class.
        probability: of the predicted class, 0..1.
        label_probability: of the true class, 0..1.
        heat_map: float32 (H, W), 0..1, the evidence for the predicted class; None if the network
            does not allow heat maps.
        label_heat_map: float32 (H, W), 0..1, the evidence for the true class; None if that is the
            predicted one, or the network does not allow heat maps.
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


@dataclass(frozen=True, eq=False)
class Saliency:
    """What a network looks at in some images.

    Attributes:
        class_names: label k means ``class_names[k]``.
        correct: for each of up to ten classes, the correct image with the highest probability.
        mistakes: incorrect images with the highest probabilities, the most confident first.
        heat_maps: of all these images, correct ones first, for the predicted classes; None if the
            network does not allow heat maps.
        deletion_check: whether the heat maps are meaningful, computed on more images than are
            shown; None without heat maps. Show its `verdict` next to any heat map.
        filters: of the first convolution; None if it cannot be shown.
        feature_map_image: the image of the feature maps and of what is worked out by hand.
        feature_maps: one entry per layer whose output has rows and columns.
        by_hand: the first layers and the last one; None if they cannot be shown.
        missing: a sentence for each part that cannot be shown, with the reason.
    """

    class_names: tuple[str, ...]
    correct: tuple[SaliencyExample, ...]
    mistakes: tuple[SaliencyExample, ...]
    heat_maps: HeatMaps | None
    deletion_check: DeletionCheck | None
    filters: Filters | None
    feature_map_image: SaliencyExample
    feature_maps: tuple[LayerMaps, ...]
    by_hand: ByHand | None
    missing: tuple[str, ...]
