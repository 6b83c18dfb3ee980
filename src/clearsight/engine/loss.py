"""The loss: cross-entropy on logits where Keras would take a softmax and then its logarithm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from clearsight.models.backend import keras

LogitsLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""From logits float32 (N, K), targets and sample weights (N,) or None to the mean loss."""


def loss_on_logits(model: keras.Model, *, ends_in_softmax: bool) -> LogitsLoss | None:
    """Return the compiled loss as a function of logits, when it is a plain cross-entropy.

    Args:
        model: compiled, and its loss built.
        ends_in_softmax: whether the model ends in a softmax, which is then not to be applied.

    Returns:
        None when the loss is anything else, so that Keras must compute it from the model's output.
    """
    compiled: Any = model._compile_loss
    if compiled is None or type(model).compute_loss is not keras.Model.compute_loss:
        return None
    entries = compiled._flat_losses or []
    if len(entries) != 1 or entries[0].loss_weights is not None:
        return None
    loss = entries[0].loss
    wrapper = keras.losses.SparseCategoricalCrossentropy.__mro__[1]  # has no public name
    is_plain = (
        isinstance(loss, wrapper)
        and type(loss).call is wrapper.call
        and type(loss).__call__ is keras.losses.Loss.__call__
        and loss.reduction in ("sum_over_batch_size", "mean")
        and loss.dtype == "float32"
    )
    if not is_plain:
        return None
    options = dict(loss._fn_kwargs)
    if options.pop("from_logits", False) == ends_in_softmax:
        return None
    if options.pop("axis", -1) != -1:
        return None
    if loss.fn is keras.losses.sparse_categorical_crossentropy:
        return _sparse if options.pop("ignore_class", None) is None and not options else None
    if loss.fn is keras.losses.categorical_crossentropy:
        smoothing = float(options.pop("label_smoothing", 0.0))
        return _categorical(smoothing) if not options else None
    return None


def _sparse(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor:
    targets = targets.reshape(-1).long()
    if weights is None:
        return functional.cross_entropy(logits, targets)
    return _weighted(functional.cross_entropy(logits, targets, reduction="none"), weights)


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
    """Divide by the number of images, not by the sum of weights, as Keras does."""
    return (each * weights.reshape(-1).to(each.dtype)).mean()
