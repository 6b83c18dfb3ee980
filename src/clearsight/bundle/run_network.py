"""`run_network`: run a bundle's network, and return what it gives only if it is probabilities."""

from __future__ import annotations

import numpy as np

from clearsight.bundle.formats.model_format import Network, first_line
from clearsight.errors import BundleError, ClearsightError

_TOLERANCE = 1e-3  # sums differ from 1 by 1e-6 with rounding, by 0.1 without a softmax


def run_network(network: Network, images: np.ndarray, num_classes: int, name: str) -> np.ndarray:
    """Return a network's probabilities: float32 (N, K), each from 0 to 1, rows sum to 1.

    Args:
        network: maps images to probabilities.
        images: uint8 (N, H, W, C).
        num_classes: K.
        name: of the bundle, for messages.

    Raises:
        BundleError: if the network fails, or returns anything else.
    """
    try:
        found = network(images)
    except ClearsightError:
        raise
    except Exception as error:  # the runtimes' errors share no base class
        raise BundleError(
            f"{name}'s network should classify {len(images)} images, but fails "
            f"({first_line(error)}): export its run again."
        ) from error
    problem = _find_problem(found, (len(images), num_classes))
    if problem:
        raise BundleError(
            f"{name}'s network should return probabilities, which are from 0 to 1 and sum to 1, "
            f"but returns {problem}: its training diverged, or its file was changed; train it "
            "again, or export its run again."
        )
    return found


def _find_problem(found: np.ndarray, shape: tuple[int, int]) -> str | None:
    if found.shape != shape or found.dtype != np.float32:
        return f"{found.dtype} {found.shape} instead of float32 {shape}"
    lowest, highest = float(found.min()), float(found.max())
    sums = found.sum(axis=1, dtype=np.float64)
    # Written with "not", because every comparison with NaN is false.
    if not (lowest >= -_TOLERANCE and highest <= 1 + _TOLERANCE):
        return f"values from {lowest:.3g} to {highest:.3g}"
    farthest = float(sums[np.abs(sums - 1).argmax()])
    return None if abs(farthest - 1) <= _TOLERANCE else f"a row that sums to {farthest:.3g}"
