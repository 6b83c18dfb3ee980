"""The loss: cross-entropy on logits where Keras would take the logarithm of a softmax."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from clearsight.models.backend import keras
from clearsight.models.keras_internals.compiled import loss_function

LogitsLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""From logits (N, K), in float32 at least, targets and sample weights (N,) or None to the mean
loss."""


def loss_on_logits(model: Any, *, ends_in_softmax: bool) -> LogitsLoss | None:
    """Return the compiled loss as a function of logits, if it is a plain cross-entropy.

    Args:
        model: compiled, with its loss built.
        ends_in_softmax: whether the model ends in a softmax, which the function replaces.

    Returns:
        None for any other loss, which Keras then computes from the model's outputs.
    """
    found = loss_function(model)
    if found is None:
        return None
    function, options = found
    if options.pop("from_logits", False) == ends_in_softmax or options.pop("axis", -1) != -1:
        return None
    if function is keras.losses.sparse_categorical_crossentropy:
        return _sparse if options.pop("ignore_class", None) is None and not options else None
    if function is keras.losses.categorical_crossentropy:
        smoothing = float(options.pop("label_smoothing", 0.0))
        return _categorical(smoothing) if not options else None
    return None


def _sparse(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    targets = targets.reshape(-1).long()
    if weights is not None:
        each = functional.cross_entropy(logits, targets, reduction="none")
        return _weighted(each, weights)
    # A mean over all images, as in Keras; torch's own leaves out those of class -100.
    return functional.cross_entropy(logits, targets, reduction="sum") / len(targets)


def _categorical(smoothing: float) -> LogitsLoss:
    def loss(
        logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None
    ) -> torch.Tensor:
        targets = targets.to(logits.dtype)
        if smoothing:
            targets = targets * (1.0 - smoothing) + smoothing / targets.shape[-1]
        each = -(targets * torch.log_softmax(logits, -1)).sum(-1)
        return each.mean() if weights is None else _weighted(each, weights)

    return loss


def _weighted(each: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Divide by the number of images, not by the sum of the weights, as Keras does."""
    return (each * weights.reshape(-1).to(each.dtype)).mean()
