"""Out-of-fold probabilities: a quick network's predictions for images that it has not seen."""

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

_MAX_SIDE = 32  # pixels: longer sides are reduced
_MAX_IMAGES_PER_FOLD = 40_000  # images per fold: enough to judge labels, and bounded memory
_IMAGES_SEEN = 20_000  # in all epochs together, if there are fewer images
_MAX_EPOCHS = 12
_NUM_FOLDS = 3
_NUM_MONITORED = 256  # held-out images, evaluated after every epoch for Keras's history
_DIVISOR = 255.0  # of pixel values, for [0, 1]


def out_of_fold_probabilities(
    images: ImageSet, *, seed: int = 0, announce: Callable[[str], object] = lambda _: None
) -> np.ndarray:
    """Predict each fold of the images with a small network trained on the other folds.

    Images of one group stay in one fold, and so do exact duplicates, which a network would have
    memorized.

    Args:
        images: at least two images.
        seed: of the folds, the initial weights and the order of images.
        announce: called before each fold with what is done.

    Returns:
        float32 (N, K), class probabilities of every image.
    """
    num_folds = min(_NUM_FOLDS, len(images))
    folds = stratified_folds(images.labels, num_folds, seed, _fold_groups(images))
    probabilities = np.full((len(images), images.num_classes), 1 / images.num_classes, np.float32)
    generator = np.random.default_rng(seed)
    for fold in range(num_folds):
        announce(f"training a quick network to judge labels, {fold + 1} of {num_folds}")
        train, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if not len(held_out) or not len(train):
            continue
        if len(train) > _MAX_IMAGES_PER_FOLD:
            train = np.sort(generator.choice(train, _MAX_IMAGES_PER_FOLD, replace=False))
        probabilities[held_out] = _train_and_predict(images, train, held_out, seed + fold)
    return probabilities


def quick_recipe(num_images: int) -> Recipe:
    """Return the recipe `fast` with as many epochs as this number of images needs."""
    epochs = int(np.clip(-(-_IMAGES_SEEN // num_images), FAST.epochs, _MAX_EPOCHS))
    batch_size = int(np.clip(num_images // 16, 8, FAST.batch_size))
    return FAST.replace(epochs=epochs, batch_size=batch_size)


def _fold_groups(images: ImageSet) -> tuple[str, ...] | np.ndarray | None:
    """Return the groups that stay in one fold, N names or numbers; None if all images differ."""
    if images.groups is not None:
        return images.groups
    digests = np.ascontiguousarray(images.digests).view(np.dtype((np.void, 16)))[:, 0]
    distinct, numbers = np.unique(digests, return_inverse=True)
    return None if len(distinct) == len(images) else numbers


def _train_and_predict(
    images: ImageSet, train: np.ndarray, held_out: np.ndarray, seed: int
) -> np.ndarray:
    """Train on some images, and return class probabilities of others: float32 (M, K).

    Args:
        images: all images.
        train: indices of those to train on.
        held_out: int64 (M,), indices of those to predict.
        seed: of the initial weights and the order of images.
    """
    recipe = quick_recipe(len(train))
    factor = shrink_factor(images.image_shape[:2], _MAX_SIDE)
    length = block_length(images.images.shape)

    def load(indices: np.ndarray) -> np.ndarray:
        """Return images at the network's size: uint8 (M, H, W, C)."""
        if factor == 1:
            return images.images[indices]
        blocks = [
            np.rint(shrink(images.images[indices[start : start + length]], factor)).astype(np.uint8)
            for start in range(0, len(indices), length)
        ]
        return np.concatenate(blocks)

    def examples(arrays: np.ndarray, indices: np.ndarray) -> Examples:
        targets = encode_targets(images.labels[indices], images.num_classes, recipe)
        return Examples(arrays, np.arange(len(indices)), targets, _DIVISOR)

    x, monitored = load(train), held_out[:_NUM_MONITORED]
    # The lesson's network halves the rows and columns twice; the residual one adapts to less.
    name = "lesson" if min(x.shape[1:3]) >= 8 else "residual"
    device = choose_device("auto")
    with on_device(device):
        keras.utils.set_random_seed(seed)
        model = build_model(ModelRequest(name, {}, x.shape[1:], images.num_classes))
        compile_model(model, recipe)
        accelerate_with_notes(model, "auto", device)
        data = FitData(examples(x, train), examples(load(monitored), monitored))
        fit_without_checkpoints(model, data, recipe)
        options: Any = {"verbose": 0}
        blocks = []
        for start in range(0, len(held_out), length):
            block = load(held_out[start : start + length]) / np.float32(_DIVISOR)
            blocks.append(np.asarray(model.predict(block, **options)))
    return np.concatenate(blocks).astype(np.float32)
