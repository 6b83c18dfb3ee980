"""`plain_targets`: the targets of a batch with one class for each image."""

from typing import Any

import torch

from clearsight.models.backend import keras

PlainTargets = tuple[torch.Tensor, torch.Tensor | None]
"""Targets (N,), (N, 1) or (N, K), and sample weights (N,), (N, 1) or None."""


def plain_targets(y: Any, weights: Any, scores: torch.Tensor) -> PlainTargets | None:
    """Return a batch's targets and sample weights as one tensor each.

    Args:
        y: targets, perhaps in a list or dict of one.
        weights: sample weights, perhaps in a list or dict of one, or None.
        scores: (N, K), the model's outputs.

    Returns:
        None for any other targets or weights; Keras computes their loss and metrics.
    """
    ys, all_weights = leaves_of(y), leaves_of(weights)
    if len(ys) != 1 or ys[0] is None or len(all_weights) != 1:
        return None
    shapes = ((), (1,), tuple(scores.shape[1:]))
    target, weight = _as_tensor(ys[0], scores), _as_tensor(all_weights[0], scores)
    if target.shape[:1] != scores.shape[:1] or tuple(target.shape[1:]) not in shapes:
        return None
    if weight is not None and tuple(weight.shape) not in ((len(target),), (len(target), 1)):
        return None
    return target, weight


def leaves_of(structure: Any) -> list[Any]:
    """Return the values of a nested structure: as Keras does, but faster for a single tensor."""
    is_leaf = structure is None or isinstance(structure, torch.Tensor)
    return [structure] if is_leaf else keras.tree.flatten(structure)


def _as_tensor(value: Any, scores: torch.Tensor) -> Any:
    """Convert an argument of ``train_on_batch``, or move a batch of a loader to the device."""
    if value is None:
        return None
    is_tensor = isinstance(value, torch.Tensor)
    tensor: Any = value if is_tensor else keras.ops.convert_to_tensor(value)
    return tensor.to(scores.device)
