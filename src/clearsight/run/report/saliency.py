"""What a run's network looks at, on its own test images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.views import Views
from clearsight.errors import ModelError
from clearsight.evaluation.mistakes import surest_mistakes
from clearsight.evaluation.saliency.class_activation import HeatMaps, heat_maps
from clearsight.evaluation.saliency.deletion import Deletion, affordable_images, check_by_deletion
from clearsight.evaluation.saliency.feature_maps import LayerMaps, feature_maps
from clearsight.evaluation.saliency.filters import Filters, filters_of
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.evaluation.saliency.worked_pixel import WorkedPixel, worked_pixel
from clearsight.models.backend import keras
from clearsight.models.trace import trace_model
from clearsight.run.store.run import Run, predict_probabilities
from clearsight.run.test_set.images import load_test_images

Part = TypeVar("Part")

_NUM_RIGHT = 10
_NUM_MISTAKES = 10
_NUM_PATCHED = 300  # looked through for patches


@dataclass(frozen=True, eq=False)
class LookedAt:
    """One image, and where the network looks.

    Attributes:
        index: which of the measured images it is.
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
        right: for each of up to ten classes the image named rightly with the highest probability.
        mistakes: the wrongly named images with the highest probabilities, the surest first.
        method: the name of the heat maps' method; None where there are no heat maps.
        heat_map_layer: the layer that they are read from; None likewise.
        heat_map_grid: rows and columns of its output, how fine they really are; None likewise.
        deletion: whether the heat maps mean anything, on more images than are shown; None
            likewise. Its `verdict` is to be shown wherever a heat map is.
        filters: of the first convolution; None where that cannot be shown.
        feature_map_image: the image that the feature maps and the worked pixel are of.
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
    feature_map_image: LookedAt
    feature_maps: tuple[LayerMaps, ...]
    worked_pixel: WorkedPixel | None
    missing: tuple[str, ...]


def look(run: Run, images: ImageSet | None = None, probabilities: np.ndarray | None = None) -> Eye:
    """Look at what a run's network looks at.

    Where the network does not allow a part, the others still come, and `Eye.missing` says why.

    Args:
        run: one that has weights.
        images: those to choose from; None for the run's own test images.
        probabilities: float32 (N, K), the network's for them, where they are known already.

    Raises:
        DataError: when there are no images to look at.
        RunError: when the run's own images no longer exist, or its training diverged.
    """
    if images is None:
        images = load_test_images(run)
    if probabilities is None:
        probabilities = run.predict(images.images).probabilities
    parts = _Parts(run.model)
    predicted = probabilities.argmax(axis=1)
    right = _right(images, probabilities)
    mistakes = surest_mistakes(probabilities, images.labels)[:_NUM_MISTAKES]

    def prepared(indices: np.ndarray) -> np.ndarray:
        return run.preparation.apply(images.images[indices])

    def marked(indices: np.ndarray, classes: np.ndarray) -> HeatMaps | None:
        return parts.made(lambda network: heat_maps(network, prepared(indices), classes[indices]))

    chosen = np.concatenate([right, mistakes])
    for_predicted = marked(chosen, predicted)
    for_label = marked(mistakes, images.labels) if for_predicted and len(mistakes) else None
    shown = tuple(
        LookedAt(
            index=index,
            name=images.name_of(index),
            image=images.images[index],
            label=int(images.labels[index]),
            predicted=int(predicted[index]),
            probability=float(probabilities[index, predicted[index]]),
            label_probability=float(probabilities[index, images.labels[index]]),
            heat_map=for_predicted.maps[place] if for_predicted else None,
            label_heat_map=for_label.maps[place - len(right)]
            if for_label and place >= len(right)
            else None,
        )
        for place, index in enumerate(chosen.tolist())
    )
    deletion = None
    if for_predicted:
        checked = _evenly(len(images), affordable_images(_multiply_adds(run.model)))
        maps = marked(checked, predicted)
        assert maps is not None  # it was possible before
        deletion = check_by_deletion(
            # The image as it is, which the heat maps are of: no mean over several views of it.
            lambda images: predict_probabilities(run.model, run.preparation, images, Views()),
            images.images[checked],
            maps,
        )
    patched = _evenly(len(images), _NUM_PATCHED)
    subject = prepared(chosen[:1])[0]
    return Eye(
        class_names=run.class_names,
        right=shown[: len(right)],
        mistakes=shown[len(right) :],
        method=for_predicted.method if for_predicted else None,
        heat_map_layer=for_predicted.layer_name if for_predicted else None,
        heat_map_grid=for_predicted.grid if for_predicted else None,
        deletion=deletion,
        filters=parts.made(
            lambda network: filters_of(network, images.images[patched], prepared(patched))
        ),
        feature_map_image=shown[0],
        feature_maps=parts.made(lambda network: feature_maps(network, subject)) or (),
        worked_pixel=parts.made(lambda network: worked_pixel(network, subject)),
        missing=tuple(parts.missing),
    )


class _Parts:
    """Makes the parts that a network allows, and keeps the reasons against the others."""

    def __init__(self, model: keras.Model) -> None:
        self.missing: list[str] = []
        try:
            self._network = LayerOutputs(model)
        except ModelError as error:
            self._network = None
            self.missing.append(str(error))

    def made(self, make: Callable[[LayerOutputs], Part]) -> Part | None:
        """Return what `make` makes of the network, or None where it cannot."""
        if self._network is None:
            return None
        try:
            return make(self._network)
        except ModelError as error:
            if str(error) not in self.missing:
                self.missing.append(str(error))
            return None


def _multiply_adds(model: keras.Model) -> int | None:
    try:
        return trace_model(model).multiply_adds
    except ModelError:  # a network for images of any size
        return None


def _right(images: ImageSet, probabilities: np.ndarray) -> np.ndarray:
    """Return, class by class, the image that is named rightly with the highest probability."""
    predicted = probabilities.argmax(axis=1)
    sure = np.where(predicted == images.labels, probabilities.max(axis=1), -1.0)
    found = []
    for label in range(images.num_classes):
        of_class = np.flatnonzero((images.labels == label) & (sure >= 0))
        if len(of_class) and len(found) < _NUM_RIGHT:
            found.append(of_class[sure[of_class].argmax()])
    return np.array(found, dtype=np.int64)


def _evenly(num_images: int, count: int) -> np.ndarray:
    """Return the indices of up to `count` images from the first to the last."""
    return np.unique(np.linspace(0, num_images - 1, count).round().astype(np.int64))
