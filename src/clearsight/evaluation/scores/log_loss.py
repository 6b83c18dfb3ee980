"""Cross-entropy of single images."""

import numpy as np

# Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm (keras.config.epsilon()).
SMALLEST_PROBABILITY = 1e-7


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each image's cross-entropy, clipped like Keras's: float64 (N,), in nats.

    Args:
        probabilities: float (N, K), rows sum to 1.
        labels: integers (N,), 0..K-1.
    """
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(of_label, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
