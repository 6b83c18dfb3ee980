"""A simulated classification problem whose true scores are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLASSES = ("a", "b", "c", "d")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class SimulatedProblem:
    """Predicted probabilities and true ones, each float64 (P, K)."""

    predicted: np.ndarray
    true: np.ndarray

    @classmethod
    def of(cls, sharpness: float, spread: float = 2.0) -> SimulatedProblem:
        """Return a problem whose predictions are calibrated at sharpness 1, overconfident above.

        The larger the spread of the true logits, the easier the images.
        """
        logits = np.random.default_rng(7).normal(0, spread, (200_000, len(CLASSES)))
        return cls(softmax(sharpness * logits), softmax(logits))

    def sample(self, count: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw images: predicted probabilities float64 (N, K) and labels int64 (N,)."""
        rows = generator.integers(0, len(self.predicted), count)
        reached = self.true[rows].cumsum(axis=1)
        labels = (generator.random((count, 1)) > reached).sum(axis=1)
        return self.predicted[rows], np.minimum(labels, len(CLASSES) - 1)

    def scores(self) -> dict[str, float]:
        """Return the true scores, by their definitions."""
        predicted, true = self.predicted, self.true
        classes = predicted.argmax(axis=1)
        joint = np.stack([true[classes == label].sum(axis=0) for label in range(len(CLASSES))], 1)
        joint /= len(predicted)
        of_class, of_predicted, right = joint.sum(axis=1), joint.sum(axis=0), np.diag(joint)
        precision, recall = right / of_predicted, right / of_class
        f1 = 2 * right / (of_class + of_predicted)
        top = np.argsort(-predicted, axis=1)[:, :3]
        differences = predicted.max(axis=1) - true[np.arange(len(predicted)), classes]
        bins = np.ceil(predicted.max(axis=1) * 15).astype(int)
        return {
            "accuracy": float(right.sum()),
            "top-3": float(np.take_along_axis(true, top, axis=1).sum(axis=1).mean()),
            "precision of a": float(precision[0]),
            "recall of b": float(recall[1]),
            "F1 of c": float(f1[2]),
            "macro precision": float(precision.mean()),
            "macro recall": float(recall.mean()),
            "macro F1": float(f1.mean()),
            "log loss": float(-(true * np.log(predicted)).sum(axis=1).mean()),
            "Brier": float((true * (1 - 2 * predicted) + predicted**2).sum(axis=1).mean()),
            "ECE": float(np.abs(np.bincount(bins, weights=differences)).sum() / len(predicted)),
        }
