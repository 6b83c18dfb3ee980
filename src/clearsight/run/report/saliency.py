"""Saliency of a run: what its network looks at in its own test images."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.views import Views
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.errors import ModelError
from clearsight.evaluation.mistakes import most_confident_mistakes
from clearsight.evaluation.saliency.by_hand import work_by_hand
from clearsight.evaluation.saliency.deletion_check import affordable_images, run_deletion_check
from clearsight.evaluation.saliency.feature_maps import compute_feature_maps
from clearsight.evaluation.saliency.filters import describe_filters
from clearsight.evaluation.saliency.heat_maps import HeatMaps, compute_heat_maps
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.evaluation.saliency.saliency import Saliency, SaliencyExample
from clearsight.models.backend import keras
from clearsight.models.trace import trace_model
from clearsight.run.store.run import Run, predict_probabilities
from clearsight.run.test_set.images import load_test_images

Part = TypeVar("Part")

_NUM_CORRECT = 10
_NUM_MISTAKES = 10
_NUM_PATCHED = 300  # images searched for patches


def compute_saliency(
    run: Run, images: ImageSet | None = None, probabilities: np.ndarray | None = None
) -> Saliency:
    """Compute what a run's network looks at.

    If the network does not allow a part, the others are still computed, and `Saliency.missing`
    explains why.

    Args:
        run: one that has weights.
        images: the images to choose from; None for the run's own test images.
        probabilities: float32 (N, K), the network's predictions for them, if known already.

    Raises:
        DataError: if there are no images.
        RunError: if the run's own images no longer exist, or its training diverged.
    """
    if images is None:
        images = load_test_images(run)
    if probabilities is None:
        probabilities = run.predict(images.images).probabilities
    parts = _Parts(run.model)
    predicted = probabilities.argmax(axis=1)
    correct = _most_confident_correct(images, probabilities)
    mistakes = most_confident_mistakes(probabilities, images.labels)[:_NUM_MISTAKES]

    def prepare(indices: np.ndarray) -> np.ndarray:
        return run.preparation.apply(images.images[indices])

    def heat_maps(indices: np.ndarray, classes: np.ndarray) -> HeatMaps | None:
        return parts.compute(
            lambda network: compute_heat_maps(network, prepare(indices), classes[indices])
        )

    chosen = np.concatenate([correct, mistakes])
    for_predicted = heat_maps(chosen, predicted)
    for_label = heat_maps(mistakes, images.labels) if for_predicted and len(mistakes) else None
    examples = tuple(
        SaliencyExample(
            index=index,
            name=images.name_of(index),
            image=images.images[index],
            label=int(images.labels[index]),
            predicted=int(predicted[index]),
            probability=float(probabilities[index, predicted[index]]),
            label_probability=float(probabilities[index, images.labels[index]]),
            heat_map=for_predicted.maps[number] if for_predicted else None,
            label_heat_map=for_label.maps[number - len(correct)]
            if for_label and number >= len(correct)
            else None,
        )
        for number, index in enumerate(chosen.tolist())
    )
    deletion_check = None
    if for_predicted:
        checked = evenly_spaced(len(images), affordable_images(_multiply_adds(run.model)))
        maps = heat_maps(checked, predicted)
        assert maps is not None  # as for the examples
        deletion_check = run_deletion_check(
            # The heat maps are of the image itself, so there is no averaging over several views.
            lambda images: predict_probabilities(run.model, run.preparation, images, Views()),
            images.images[checked],
            maps,
        )
    patched = evenly_spaced(len(images), _NUM_PATCHED)
    subject = prepare(chosen[:1])[0]
    return Saliency(
        class_names=run.class_names,
        correct=examples[: len(correct)],
        mistakes=examples[len(correct) :],
        heat_maps=for_predicted,
        deletion_check=deletion_check,
        filters=parts.compute(
            lambda network: describe_filters(network, images.images[patched], prepare(patched))
        ),
        feature_map_image=examples[0],
        feature_maps=parts.compute(lambda network: compute_feature_maps(network, subject)) or (),
        by_hand=parts.compute(lambda network: work_by_hand(network, subject)),
        missing=tuple(parts.missing),
    )


class _Parts:
    """Computes the parts that a network allows, and collects the reasons against the others."""

    def __init__(self, model: keras.Model) -> None:
        self.missing: list[str] = []
        try:
            self._network = LayerOutputs(model)
        except ModelError as error:
            self._network = None
            self.missing.append(str(error))

    def compute(self, function: Callable[[LayerOutputs], Part]) -> Part | None:
        """Return the function's result for the network, or None if the network rules it out."""
        if self._network is None:
            return None
        try:
            return function(self._network)
        except ModelError as error:
            if str(error) not in self.missing:
                self.missing.append(str(error))
            return None


def _multiply_adds(model: keras.Model) -> int | None:
    try:
        return trace_model(model).multiply_adds
    except ModelError:  # a network for images of any size
        return None


def _most_confident_correct(images: ImageSet, probabilities: np.ndarray) -> np.ndarray:
    """Return the correct image with the highest probability of each of up to ten classes."""
    predicted = probabilities.argmax(axis=1)
    confidence = np.where(predicted == images.labels, probabilities.max(axis=1), -1.0)
    found = []
    for label in range(images.num_classes):
        candidates = np.flatnonzero((images.labels == label) & (confidence >= 0))
        if len(candidates) and len(found) < _NUM_CORRECT:
            found.append(candidates[confidence[candidates].argmax()])
    return np.array(found, dtype=np.int64)
