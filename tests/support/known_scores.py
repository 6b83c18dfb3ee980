"""A made-up world whose true scores are known: what a judge says, and how things really are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLASSES = ("a", "b", "c", "d")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class World:
    """What a judge says, float64 (P, K), and each class's true probability, likewise."""

    said: np.ndarray
    true: np.ndarray

    @classmethod
    def of(cls, sharpness: float) -> World:
        """A judge that is calibrated at 1 and too sure above."""
        logits = np.random.default_rng(7).normal(0, 2, (200_000, len(CLASSES)))
        return cls(softmax(sharpness * logits), softmax(logits))

    def measured(self, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """So many images of it: probabilities float64 (N, K) and labels int64 (N,)."""
        rows = generator.integers(0, len(self.said), count)
        reached = self.true[rows].cumsum(axis=1)
        labels = (generator.random((count, 1)) > reached).sum(axis=1)
        return self.said[rows], np.minimum(labels, len(CLASSES) - 1)

    def scores(self) -> dict[str, float]:
        """Its true scores, by the definitions."""
        said, true = self.said, self.true
        called = said.argmax(axis=1)
        joint = np.stack([true[called == label].sum(axis=0) for label in range(len(CLASSES))], 1)
        joint /= len(said)
        of_class, of_called, right = joint.sum(axis=1), joint.sum(axis=0), np.diag(joint)
        precision, recall = right / of_called, right / of_class
        f1 = 2 * right / (of_class + of_called)
        top = np.argsort(-said, axis=1)[:, :3]
        apart = said.max(axis=1) - true[np.arange(len(said)), called]
        bins = np.ceil(said.max(axis=1) * 15)
        return {
            "accuracy": float(right.sum()),
            "top-3": float(np.take_along_axis(true, top, axis=1).sum(axis=1).mean()),
            "precision of a": float(precision[0]),
            "recall of b": float(recall[1]),
            "F1 of c": float(f1[2]),
            "macro precision": float(precision.mean()),
            "macro recall": float(recall.mean()),
            "macro F1": float(f1.mean()),
            "log loss": float(-(true * np.log(said)).sum(axis=1).mean()),
            "Brier": float((true * (1 - 2 * said) + said**2).sum(axis=1).mean()),
            "ECE": float(np.abs(np.bincount(bins.astype(int), weights=apart)).sum() / len(said)),
        }
