"""Confusion matrices of simulated networks whose true macro averages are known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

Mistakes = Literal["spread", "paired", "one class"]


@dataclass(frozen=True)
class KnownNetwork:
    """A network and a test set, by what is known of them.

    Attributes:
        num_classes: K.
        smallest: images of the smallest class.
        accuracy: fraction of each class that the network classifies correctly, on average.
        is_skewed: whether the largest class has 20 times as many images as the smallest.
        mistakes: where wrong predictions go: to all other classes, mostly to one other class
            each, or mostly to the largest class.
        recalls_vary: whether some classes are much harder than others.
        is_stratified: whether each class has its number of images in every sample, as after a
            stratified split; otherwise labels are drawn at random too.
    """

    num_classes: int
    smallest: int
    accuracy: float
    is_skewed: bool = False
    mistakes: Mistakes = "spread"
    recalls_vary: bool = False
    is_stratified: bool = False

    @cached_property
    def class_sizes(self) -> np.ndarray:
        """Images of each class, on average: int64 (K,)."""
        largest = 20 if self.is_skewed else 1
        return np.round(self.smallest * np.geomspace(1, largest, self.num_classes)).astype(int)

    @cached_property
    def rows(self) -> np.ndarray:
        """The probability of each prediction given the label: float64 (K, K)."""
        count = self.num_classes
        half_range = 0.9 * (1 - self.accuracy) if self.recalls_vary else 0.0
        recalls = self.accuracy + half_range * np.linspace(-1, 1, count)
        recalls = np.random.default_rng(0).permutation(recalls)
        weights = np.ones((count, count))
        if self.mistakes == "paired":
            weights[:] = 0.02
            partners = np.arange(count) ^ 1
            partners[partners == count] = 0
            weights[np.arange(count), partners] = 1
        elif self.mistakes == "one class":
            weights[:] = 0.05
            weights[:, -1] = 1
        np.fill_diagonal(weights, 0)
        rows = weights / weights.sum(axis=1, keepdims=True) * (1 - recalls)[:, None]
        np.fill_diagonal(rows, recalls)
        return rows

    def sample(self, generator: np.random.Generator) -> np.ndarray:
        """Draw the confusion matrix of a test set: int64 (K, K)."""
        sizes = self.class_sizes
        if not self.is_stratified:
            sizes = generator.multinomial(sizes.sum(), sizes / sizes.sum())
        return generator.multinomial(sizes, self.rows)

    @cached_property
    def macro(self) -> np.ndarray:
        """The true macro precision, recall and F1: float64 (3,)."""
        joint = self.class_sizes[:, None] * self.rows
        correct, in_class, predicted = np.diag(joint), joint.sum(axis=1), joint.sum(axis=0)
        scores = correct / predicted, correct / in_class, 2 * correct / (in_class + predicted)
        return np.mean(scores, axis=1)
