"""From a model in training to a `Checkpoint`, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from clearsight.errors import RunError
from clearsight.models.backend import keras
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.random_state import Tensors


def network_json(model: keras.Model) -> str:
    """Return the network's architecture; how it is trained is the recipe's part."""
    described: Any = keras.saving.serialize_keras_object(model)
    described.pop("compile_config", None)
    return json.dumps(described)


def network_from_json(text: str) -> keras.Model:
    """Build the network that `network_json` described, in Keras's safe mode.

    Raises:
        RunError: when it has layers whose code is not imported.
    """
    try:
        model: Any = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    except (TypeError, ValueError) as error:
        raise RunError(
            "The run's network should be built again from its checkpoint, but Keras cannot: "
            f"{str(error).splitlines()[0]} Import the code of its own layers first."
        ) from error
    return model


def trained_network(checkpoint: Checkpoint) -> keras.Model:
    """Build the network with the checkpoint's weights, without an optimizer.

    Raises:
        RunError: when it has layers whose code is not imported or has changed.
    """
    model = network_from_json(checkpoint.network)
    _assign(model.variables, checkpoint.part("model"), "model")
    return model


def build_optimizer(model: keras.Model) -> None:
    """Make the optimizer's variables now, where Keras would make them in the first step."""
    optimizer: Any = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)


def snapshot(model: keras.Model, *, with_metrics: bool) -> Tensors:
    """Copy every variable of a compiled model, its optimizer and, if asked, its metrics.

    The copies lie on the CPU and stay what they are while the training goes on.
    """
    return {
        f"{part}.{index:04d}.{variable.path}": _copied(variable)
        for part, variables in _variables_of(model, with_metrics=with_metrics).items()
        for index, variable in enumerate(variables)
    }


def metrics_snapshot(model: keras.Model) -> Tensors:
    """Copy the variables of the metrics alone."""
    return {
        f"metrics.{index:04d}.{variable.path}": _copied(variable)
        for index, variable in enumerate(model.metrics_variables)
    }


def restore_variables(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Set the variables of the model and its optimizer.

    Raises:
        RunError: when they are not those that the checkpoint holds.
    """
    build_optimizer(model)
    for part, variables in _variables_of(model, with_metrics=False).items():
        _assign(variables, checkpoint.part(part), part)


def restore_weights(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Set the variables of the model alone.

    Raises:
        RunError: when they are not those that the checkpoint holds.
    """
    _assign(model.variables, checkpoint.part("model"), "model")


def restore_metrics(model: keras.Model, checkpoint: Checkpoint) -> None:
    """Set the metrics of the unfinished epoch, which `fit` has just reset.

    Raises:
        RunError: when they are not those that the checkpoint holds.
    """
    _assign(model.metrics_variables, checkpoint.part("metrics"), "metrics")


def _variables_of(model: keras.Model, *, with_metrics: bool) -> dict[str, Sequence[Any]]:
    optimizer: Any = model.optimizer
    parts: dict[str, Sequence[Any]] = {"model": model.variables, "optimizer": optimizer.variables}
    if with_metrics:
        parts["metrics"] = model.metrics_variables
    return parts


def _copied(variable: Any) -> torch.Tensor:
    value = variable.value.detach()
    return value.cpu() if value.is_cuda else value.clone()


def _assign(variables: Sequence[Any], tensors: Tensors, part: str) -> None:
    # By place, not by name: Keras counts up the names of layers that were given none.
    values = [tensors[key] for key in sorted(tensors)]
    fits = len(values) == len(variables) and all(
        tuple(value.shape) == tuple(variable.shape)
        for value, variable in zip(values, variables, strict=True)
    )
    if not fits:
        raise RunError(
            f"The checkpoint should hold the {len(variables)} variables of this network's {part}, "
            f"but holds {len(values)}, or some of other shapes: the network's code has changed; "
            "bring the old one back, or train anew."
        )
    with torch.no_grad():
        for value, variable in zip(values, variables, strict=True):
            variable.value.copy_(value)
