"""Temperature scaling: one number, fitted on validation images, that corrects overconfidence."""

import numpy as np

from clearsight.evaluation.scores.losses import MIN_PROBABILITY

# Outside this range, every image is certain or all classes are equally probable.
_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.05, 20.0
_MAX_STEPS, _TOLERANCE = 100, 1e-12


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature at which the probabilities fit the labels best, 0.05 to 20.

    Above 1 the network was overconfident, below 1 underconfident. The mean log loss of the
    log-probabilities over T is convex in 1/T, so its derivative has at most one root, which
    Newton's steps, kept between two bounds, find. (Importing scipy.optimize takes 0.2 s, which
    every training would pay.)

    Source: Guo, Pleiss, Sun and Weinberger 2017, https://arxiv.org/abs/1706.04599, section 4.2. A
    softmax's logits equal its log-probabilities up to a constant per image, which has no effect.

    Args:
        probabilities: float (N, K) of validation images, rows sum to 1.
        labels: integers (N,), 0..K-1.

    Example:
        >>> probabilities = np.array([[0.99, 0.01]] * 10)  # correct nine times in ten
        >>> temperature = fit_temperature(probabilities, np.array([0] * 9 + [1]))
        >>> apply_temperature(probabilities, temperature)[0].round(4).tolist()
        [0.9, 0.1]
    """
    logits = _logits(probabilities)
    mean_label_logit = logits[np.arange(len(labels)), labels].mean()

    def derivatives(sharpness: float) -> tuple[float, float]:
        """Return the first two derivatives of the mean log loss with respect to 1/T."""
        weights = _softmax_of(logits * sharpness)
        means = (weights * logits).sum(axis=1)
        curvature = ((weights * logits**2).sum(axis=1) - means**2).mean()
        return float(means.mean() - mean_label_logit), float(curvature)

    low, high = 1 / _MAX_TEMPERATURE, 1 / _MIN_TEMPERATURE
    if derivatives(low)[0] >= 0:
        return _MAX_TEMPERATURE
    if derivatives(high)[0] <= 0:
        return _MIN_TEMPERATURE
    sharpness = 1.0  # 1/T
    for _ in range(_MAX_STEPS):
        slope, curvature = derivatives(sharpness)
        low, high = (low, sharpness) if slope > 0 else (sharpness, high)
        step = sharpness - slope / curvature if curvature > 0 else low
        next_sharpness = step if low < step < high else (low + high) / 2
        if abs(next_sharpness - sharpness) <= _TOLERANCE * sharpness:
            break
        sharpness = next_sharpness
    return 1 / sharpness


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities at a temperature: float64 (N, K), rows sum to 1.

    Args:
        probabilities: float (N, K), rows sum to 1.
        temperature: above 0; 1 changes nothing. The most probable class is the same at any.
    """
    return _softmax_of(_logits(probabilities) / temperature)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities.astype(np.float64), MIN_PROBABILITY))


def _softmax_of(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
