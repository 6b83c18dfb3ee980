"""Real trainings of a moment each: few images, a sound learning rate, and a fair split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.engine.accelerate import accelerate
from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.evaluation.scores.losses import log_losses
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.training.fit import compile_model, encode_targets
from clearsight.training.history import History
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import RECIPES
from clearsight.training.recorder import EpochRecorder
from clearsight.training.schedule import LearningRateSchedule
from support.tiny_images import noise, photographs, skewed_labels, textures

_MODEL = {"filters": 8, "num_blocks": 1, "dense_units": 16}


@dataclass(frozen=True)
class HonestTraining:
    """A training, and what came of it.

    Attributes:
        name: its images and recipe.
        history: its epochs.
        context: its data.
        outcomes: of its images after the last epoch and the one with the best accuracy.
    """

    name: str
    history: History
    context: CurveContext
    outcomes: ImageOutcomes


class _RecordLosses(keras.callbacks.Callback):
    """Records the validation images' losses after each epoch."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        super().__init__()
        self._images, self._labels = images, labels
        self.losses: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del epoch, logs
        model: Any = self.model
        probabilities = model.predict_on_batch(self._images)
        self.losses.append(log_losses(probabilities, self._labels))


def train_honestly(seed: int) -> HonestTraining:
    """Train on 20 to 300 images of equal or skewed classes, by the numbers of any recipe."""
    generator = np.random.default_rng(seed)
    make = (textures, photographs, noise)[seed % 3]
    count, largest = (
        int(generator.choice([20, 40, 80, 150, 300])),
        generator.choice([0.5, 0.5, 0.9]),
    )
    labels = skewed_labels(count, float(largest), generator)
    images = make(labels, generator)
    recipe = RECIPES[str(generator.choice(["lesson", "fast", "strong"]))].replace(
        epochs=int(generator.choice([1, 2, 3, 5, 8])),
        batch_size=int(generator.choice([16, 64, 128])),
        label_smoothing=float(generator.choice([0.0, 0.1, 0.3])),
    )
    num_val = count // 5
    pixels = images.images.astype(np.float32) / 255
    train, val = (pixels[num_val:], labels[num_val:]), (pixels[:num_val], labels[:num_val])
    keras.utils.set_random_seed(seed)
    model = build_model(ModelRequest("lesson", _MODEL, images.image_shape, 2))
    compile_model(model, recipe)
    accelerate(model, "float32", "cpu")
    recorder, losses = EpochRecorder(()), _RecordLosses(*val)
    steps_per_epoch = -(-len(train[0]) // recipe.batch_size)
    model.fit(
        train[0],
        encode_targets(train[1], 2, recipe),
        validation_data=(val[0], encode_targets(val[1], 2, recipe)),
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        callbacks=[recorder, losses, LearningRateSchedule(recipe, steps_per_epoch)],
        verbose=0,  # pyright: ignore[reportArgumentType] - Keras documents 0
    )
    correct = model.predict_on_batch(train[0]).argmax(axis=1) == train[1]
    best = int(np.argmax([epoch.val_accuracy for epoch in recorder.history]))
    return HonestTraining(
        f"seed {seed}, {count} {make.__name__}, {_describe(recipe)}",
        recorder.history,
        CurveContext(
            len(train[0]),
            num_val,
            steps_per_epoch,
            class_fractions=tuple((np.bincount(train[1], minlength=2) / len(train[1])).tolist()),
            val_chance=float(np.bincount(val[1]).max() / num_val),
            label_smoothing=recipe.label_smoothing,
        ),
        ImageOutcomes(correct, losses.losses[-1], losses.losses[best]),
    )


def _describe(recipe: Recipe) -> str:
    return (
        f"{recipe.name} with {recipe.epochs} epochs, batches of {recipe.batch_size} and smoothing "
        f"{recipe.label_smoothing}"
    )
