"""Histories of simulated trainings, made image by image, so that what is true of them is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearsight.evaluation.curve.context import CurveContext, ImageOutcomes
from clearsight.training.history import Epoch, History

Truth = Literal["learning", "finished", "apart", "overfitted", "nothing to learn"]
# Findings that are false whatever the numbers say.
FALSE_FINDINGS: dict[Truth, frozenset[str]] = {
    "learning": frozenset({"diverged", "unstable", "overfitting", "underfitting", "converged"}),
    "finished": frozenset({"diverged", "unstable", "overfitting"}),
    "apart": frozenset({"diverged", "unstable"}),
    "overfitted": frozenset({"diverged", "unstable"}),
    "nothing to learn": frozenset({"diverged", "overfitting", "converged", "still-learning"}),
}
_TRUTHS: tuple[Truth, ...] = tuple(FALSE_FINDINGS)
_SCALES = (0.1, 0.2, 0.4, 0.7, 1.0, 1.4)
_OF_IMAGE = 0.97  # of the scatter of logits; the rest changes from epoch to epoch


@dataclass(frozen=True)
class SimulatedTraining:
    """A history with all that is known about it.

    Attributes:
        truth: how the training is going.
        history: its epochs.
        context: its data.
        outcomes: of its images after the last and the best epoch.
    """

    truth: Truth
    history: History
    context: CurveContext
    outcomes: ImageOutcomes


def simulate(seed: int) -> SimulatedTraining:
    """Simulate a training: of any size, number of classes, epochs, smoothing and schedule."""
    generator = np.random.default_rng(seed)
    truth = _TRUTHS[seed % len(_TRUTHS)]
    num_images = round(math.exp(generator.uniform(math.log(20), math.log(2_000))))
    num_val = max(round(num_images * generator.choice([0.1, 0.2, 0.4])), 2)
    num_train = num_images - num_val
    num_epochs = int(generator.choice([1, 2, 3, 5, 10, 16, 30]))
    fractions = _class_fractions(generator, int(generator.choice([2, 3, 10])))
    smoothing = float(generator.choice([0.0, 0.05, 0.1, 0.3]))
    train = _Images(generator, num_train, fractions, smoothing)
    val = _Images(generator, num_val, fractions, smoothing)
    is_annealed = bool(generator.random() < 0.5)
    margins = _margins(truth, num_epochs, generator)
    before, validation = train.predict(0.0, 0.0), val.predict(0.0, 0.0)
    epochs, val_losses, train_losses = [], [], []
    for epoch, (train_margin, val_margin) in enumerate(margins[1:], start=1):
        scale = train.best_scale(train_margin)
        after, validation = train.predict(train_margin, scale), val.predict(val_margin, scale)
        val_losses.append(validation.losses)
        train_losses.append(float(after.losses.mean()))
        epochs.append(
            Epoch(
                epoch,
                loss=float((before.losses + after.losses).mean() / 2),
                accuracy=float((before.correct.mean() + after.correct.mean()) / 2),
                val_loss=float(validation.losses.mean()),
                val_accuracy=float(validation.correct.mean()),
                seconds=1.0,
                learning_rate=0.01 * (1 - epoch / num_epochs if is_annealed else 1),
            )
        )
        before = after
    context = CurveContext(
        num_train,
        num_val,
        steps_per_epoch=-(-num_train // int(generator.choice([16, 64, 128]))),
        class_fractions=tuple(train.class_fractions.tolist()),
        val_chance=float(val.class_fractions.max()),
        label_smoothing=smoothing,
    )
    earlier = train_losses[-max(num_epochs // 4, 1) - 1 :][0]
    if truth == "learning" and (train_losses[-1] > 0.97 * earlier or before.correct.mean() > 0.95):
        truth = "finished"
    best = int(np.argmax([epoch.val_accuracy for epoch in epochs]))
    outcomes = ImageOutcomes(before.correct, val_losses[-1], val_losses[best])
    return SimulatedTraining(truth, tuple(epochs), context, outcomes)


def _class_fractions(generator: np.random.Generator, num_classes: int) -> np.ndarray:
    if generator.random() < 0.6:
        return np.full(num_classes, 1 / num_classes)
    largest = float(generator.choice([0.6, 0.8, 0.95]))
    return np.array([largest, *[(1 - largest) / (num_classes - 1)] * (num_classes - 1)])


def _margins(truth: Truth, num_epochs: int, generator: np.random.Generator) -> np.ndarray:
    """Return by how much the true class's logit is raised, before the first epoch and after each.

    For training and for validation images: (epochs + 1, 2).
    """
    time = np.arange(num_epochs + 1) / num_epochs
    if truth == "nothing to learn":
        train = val = np.zeros(num_epochs + 1)
    elif truth == "learning":  # in every epoch, and everything helps with other images
        train = val = generator.uniform(1, 3) * time
    else:
        train = val = generator.uniform(2, 5) * (1 - np.exp(-12 * time))
    if truth == "apart":  # there is a gap, and it stays
        val = generator.uniform(0.4, 0.8) * train
    if truth == "overfitted":
        since = np.maximum(time - 0.3, 0)
        train, val = train + 6 * since, val - 2 * since
    return np.stack([train, val], axis=1)


@dataclass(frozen=True)
class _Predicted:
    correct: np.ndarray
    losses: np.ndarray


class _Images:
    """Images of one part, with logits: some images are always harder than others."""

    def __init__(
        self, generator: np.random.Generator, count: int, fractions: np.ndarray, smoothing: float
    ) -> None:
        num_classes = len(fractions)
        self._labels = generator.choice(num_classes, count, p=fractions)
        self._one_hot = np.eye(num_classes)[self._labels]
        self.class_fractions = self._one_hot.mean(axis=0)
        self._targets = (1 - smoothing) * self._one_hot + smoothing / num_classes
        self._prior = np.log((1 - smoothing) * fractions + smoothing / num_classes)
        self._generator = generator
        self._hardness = generator.normal(size=self._one_hot.shape)

    def predict(self, margin: float, scale: float, most: int | None = None) -> _Predicted:
        """Predict the first `most` images from the classes' frequencies and so much evidence."""
        hardness, one_hot = self._hardness[:most], self._one_hot[:most]
        noise = math.sqrt(1 - _OF_IMAGE) * self._generator.normal(size=hardness.shape)
        evidence = margin * one_hot + math.sqrt(_OF_IMAGE) * hardness + noise
        logits = self._prior + scale * evidence
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        correct = logits.argmax(axis=1) == self._labels[:most]
        return _Predicted(correct, -(self._targets[:most] * log_p).sum(axis=1))

    def best_scale(self, margin: float) -> float:
        """Return the weight of the evidence with the lowest loss, which training finds."""
        if margin == 0:
            return 0.0
        return min(_SCALES, key=lambda scale: self.predict(margin, scale, 200).losses.mean())
