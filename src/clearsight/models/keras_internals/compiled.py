"""The losses and metrics that `compile` makes."""

from collections.abc import Callable
from typing import Any

import torch

from clearsight.models.backend import keras
from clearsight.models.keras_internals.names import LossFunctionWrapper


def is_kerass_own(model: Any, method: str) -> bool:
    """Return whether a model's method is that of `keras.Model`, replaced nowhere."""
    is_inherited = getattr(type(model), method) is getattr(keras.Model, method)
    return is_inherited and method not in vars(model)


def compute_loss(model: Any, **arguments: Any) -> torch.Tensor:
    """Call a model's `compute_loss`, whether or not it takes `training`."""
    return model._compute_loss(**arguments)


def is_loss_built(model: Any) -> bool:
    """Return whether the compiled loss and metrics know the shapes of targets and outputs."""
    parts = (model._compile_metrics, model._compile_loss)
    return all(part is None or part.built for part in parts)


def build_loss(model: Any, y: Any, outputs: Any, weights: Any) -> None:
    """Build the compiled loss and metrics for targets and outputs like these, and change no state.

    Args:
        model: compiled.
        y: targets of a batch.
        outputs: of the model for such a batch; only shapes and dtypes matter.
        weights: sample weights or None.
    """
    with keras.StatelessScope(), torch.no_grad():
        update_metrics(model, y, outputs, weights)
        if model._compile_loss is not None:
            model._compile_loss(y, outputs, weights)


SYMBOLIC_BUILD = "_symbolic_build"
"""The method of a model that `fit` calls first: it builds what is not built for the first batch."""


def build_symbolically(model: Any, **arguments: Any) -> None:
    """Call `SYMBOLIC_BUILD`, a method of a model's class that builds loss and metrics."""
    getattr(type(model), SYMBOLIC_BUILD)(model, **arguments)


def loss_function(model: Any) -> tuple[Callable[..., Any], dict[str, Any]] | None:
    """Return the function and the options of a compiled model's loss.

    None if it is anything but one function's mean over the batch, unweighted and in float32 or
    float64.
    """
    compiled = model._compile_loss
    if compiled is None or not is_kerass_own(model, "compute_loss"):
        return None
    entries = compiled._flat_losses or []
    if len(entries) != 1 or entries[0].loss_weights is not None:
        return None
    loss = entries[0].loss
    is_plain = (
        isinstance(loss, LossFunctionWrapper)
        and type(loss).call is LossFunctionWrapper.call
        and type(loss).__call__ is keras.losses.Loss.__call__
        and loss.reduction in ("sum_over_batch_size", "mean")
        and loss.dtype in ("float32", "float64")
    )
    return (loss.fn, dict(loss._fn_kwargs)) if is_plain else None


def loss_tracker(model: Any) -> Any:
    """Return the metric that averages a compiled model's loss."""
    return model._loss_tracker


def compiled_metrics(model: Any) -> list[tuple[Any, bool]] | None:
    """Return each compiled metric of a model's only output, and whether it is weighted.

    None for several outputs, metrics that are not built yet, and a `compute_metrics` of its own.
    """
    compiled = model._compile_metrics
    if not is_kerass_own(model, "compute_metrics") or len(model.outputs) != 1:
        return None
    if compiled is None:
        return []
    if not compiled.built:
        return None
    groups = ((compiled._flat_metrics[0], False), (compiled._flat_weighted_metrics[0], True))
    return [(metric, weighted) for group, weighted in groups if group for metric in group.metrics]


def update_metrics(model: Any, y: Any, outputs: Any, weights: Any) -> None:
    """Update the compiled metrics, if any, without reading their results as Keras does."""
    if model._compile_metrics is not None:
        model._compile_metrics.update_state(y, outputs, sample_weight=weights)
