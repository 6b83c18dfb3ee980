"""Temperature scaling: one number, fitted on validation images, that mends over-confidence."""

from __future__ import annotations

import numpy as np

from clearsight.evaluation.scores.score import SMALLEST_PROBABILITY

_SMALLEST, _LARGEST = 0.05, 20.0  # beyond, every image is certain, or all classes are alike
_NUM_STEPS = 60
_CLOSE = 1e-7


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which the probabilities fit the labels best, 0.05 to 20.

    Above 1 the network was too sure, below 1 not sure enough. The mean log loss of the
    log-probabilities over T is convex in 1/T, so that Newton's steps, kept in a bracket, find its
    one minimum.

    Source: Guo, Pleiss, Sun and Weinberger 2017, https://arxiv.org/abs/1706.04599, section 4.2. A
    softmax's logits are its log-probabilities but for a constant an image, which changes nothing.

    Args:
        probabilities: float (N, K) of validation images, rows sum to 1.
        labels: integers (N,), 0..K-1.

    Example:
        >>> sure = np.array([[0.99, 0.01]] * 10)  # right nine times in ten
        >>> scaled = tempered(sure, fit_temperature(sure, np.array([0] * 9 + [1])))
        >>> scaled[0].round(4).tolist()
        [0.9, 0.1]
    """
    logits = _logits(probabilities)
    of_truth = logits[np.arange(len(labels)), labels].mean()
    low, high = 1 / _LARGEST, 1 / _SMALLEST
    sharpness = 1.0
    for _ in range(_NUM_STEPS):
        weights = _softmax(logits * sharpness)
        means = (weights * logits).sum(axis=1)
        slope = means.mean() - of_truth
        if slope > 0:
            high = sharpness
        else:
            low = sharpness
        curvature = ((weights * logits**2).sum(axis=1) - means**2).mean()
        step = sharpness - slope / curvature if curvature > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - sharpness) <= _CLOSE * sharpness:
            break
        sharpness = following
    return float(1 / sharpness)


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities at a temperature: float64 (N, K), rows sum to 1.

    Args:
        probabilities: float (N, K), rows sum to 1.
        temperature: above 0; 1 changes nothing. The most probable class stays so at any.
    """
    return _softmax(_logits(probabilities) / temperature)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), SMALLEST_PROBABILITY))


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
