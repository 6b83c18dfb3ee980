"""What a quick network says of images that it has not seen: out-of-fold probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from clearsight.data.health.fingerprints import shrink, shrink_factor
from clearsight.data.health.joined_images import block_length
from clearsight.data.image_set import ImageSet
from clearsight.data.splits.stratified import stratified_folds
from clearsight.engine.accelerate import accelerate_with_notes
from clearsight.engine.runtime.device import choose_device, on_device
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.training.examples import Examples
from clearsight.training.fit import FitData, compile_model, encode_targets, fit_without_checkpoints
from clearsight.training.recipe import Recipe
from clearsight.training.recipes.fast import FAST

_SIDE = 32  # pixels, the longer side of what the network sees, at most
_MOST_LEARNED = 40_000  # images a fold learns from: enough to judge labels, and bounded memory
_IMAGES_SEEN = 20_000  # in all epochs together, where there are fewer images
_MOST_EPOCHS = 12
_NUM_FOLDS = 3
_WATCHED = 256  # held-out images, measured after every epoch because Keras's history wants it
_DIVISOR = 255.0  # of pixel values, which gives [0, 1]


def out_of_fold_probabilities(
    images: ImageSet, *, seed: int = 0, on_fold: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """Train a small network on all folds but one, let it judge that one, and so on around.

    Images of one group stay together, and so do equal images, since a network knows by heart
    what it has seen.

    Args:
        images: at least two images.
        seed: of the folds, the first weights and the order of images.
        on_fold: told before each fold which it is, from 1, and of how many.

    Returns:
        float32 (N, K), class probabilities of every image.
    """
    num_folds = min(_NUM_FOLDS, len(images))
    folds = stratified_folds(images.labels, num_folds, seed, _together(images))
    probabilities = np.full((len(images), images.num_classes), 1 / images.num_classes, np.float32)
    generator = np.random.default_rng(seed)
    for fold in range(num_folds):
        if on_fold is not None:
            on_fold(fold + 1, num_folds)
        learned, judged = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(judged) or not len(learned):
            continue
        if len(learned) > _MOST_LEARNED:
            learned = np.sort(generator.choice(learned, _MOST_LEARNED, replace=False))
        probabilities[judged] = _judged(images, learned, judged, seed + fold)
    return probabilities


def quick_recipe(num_images: int) -> Recipe:
    """Return the recipe `fast` with as many epochs as so few images need."""
    epochs = int(np.clip(-(-_IMAGES_SEEN // num_images), FAST.epochs, _MOST_EPOCHS))
    batch_size = int(np.clip(num_images // 16, 8, FAST.batch_size))
    return FAST.replace(epochs=epochs, batch_size=batch_size)


def _together(images: ImageSet) -> tuple[str, ...] | np.ndarray | None:
    """Say what must stay in one fold: N names or numbers, None where every image is alone."""
    if images.groups is not None:
        return images.groups
    digests = np.ascontiguousarray(images.digests).view(np.dtype((np.void, 16)))[:, 0]
    distinct, numbers = np.unique(digests, return_inverse=True)
    return None if len(distinct) == len(images) else numbers


def _judged(images: ImageSet, learned: np.ndarray, judged: np.ndarray, seed: int) -> np.ndarray:
    recipe = quick_recipe(len(learned))
    factor = shrink_factor(images.image_shape[:2], _SIDE)

    length = block_length(images.images.shape)

    def seen(places: np.ndarray) -> np.ndarray:
        """Return images as the network sees them: uint8 (M, H, W, C)."""
        if factor == 1:
            return images.images[places]
        blocks = [
            np.rint(shrink(images.images[places[start : start + length]], factor)).astype(np.uint8)
            for start in range(0, len(places), length)
        ]
        return np.concatenate(blocks)

    def examples(arrays: np.ndarray, places: np.ndarray) -> Examples:
        targets = encode_targets(images.labels[places], images.num_classes, recipe)
        return Examples(arrays, np.arange(len(places)), targets, _DIVISOR)

    x, watched = seen(learned), judged[:_WATCHED]
    # The lesson's network halves a map twice; the residual one fits itself to smaller images.
    name = "lesson" if min(x.shape[1:3]) >= 8 else "residual"
    device = choose_device("auto")
    with on_device(device):
        keras.utils.set_random_seed(seed)
        model = build_model(ModelRequest(name, {}, x.shape[1:], images.num_classes))
        compile_model(model, recipe)
        accelerate_with_notes(model, "auto", device)
        held_out = examples(seen(watched), watched)
        fit_without_checkpoints(model, FitData(examples(x, learned), held_out), recipe)
        options: Any = {"verbose": 0}
        blocks = []
        for start in range(0, len(judged), length):
            block = seen(judged[start : start + length]) / np.float32(_DIVISOR)
            blocks.append(np.asarray(model.predict(block, **options)))
    return np.concatenate(blocks).astype(np.float32)
