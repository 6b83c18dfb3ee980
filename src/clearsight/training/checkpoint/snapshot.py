"""From a model in training to a `Checkpoint`, and back."""

import json
from collections.abc import Sequence
from typing import Any

import torch

from clearsight.errors import ModelError, RunError
from clearsight.models.backend import keras
from clearsight.models.build_failure import describe_error
from clearsight.models.keras_file import make_network
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.checkpoint.random_state import Tensors


def network_json(model: keras.Model) -> str:
    """Return the network's architecture, without its optimizer, loss and metrics."""
    config: Any = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    return json.dumps(config)


def build_network(checkpoint: Checkpoint) -> keras.Model:
    """Build a checkpoint's network, still without its weights, in Keras's safe mode.

    It may come from anyone, so it is checked first, and takes no more memory than its weights.

    Raises:
        RunError: if it has custom layers whose code has not been imported, or more weights than
            the checkpoint.
    """
    num_values = sum(tensor.numel() for tensor in checkpoint.tensors_of("model").values())
    try:
        model: Any = make_network(json.loads(checkpoint.network), num_values, "The checkpoint")
    except Exception as error:  # Keras raises many types
        why = str(error) if isinstance(error, ModelError) else describe_error(error)
        raise RunError(
            "Keras should rebuild the run's network from its checkpoint, but cannot: "
            f"{why} Import the code of its custom layers first."
        ) from error
    if not isinstance(model, keras.Model) or not model.built:
        raise RunError(
            "The checkpoint should hold a built network, but does not: restore it from a copy."
        )
    return model


def rebuild_network(checkpoint: Checkpoint) -> keras.Model:
    """Build the checkpoint's network with its weights, without an optimizer.

    Raises:
        RunError: if it has custom layers whose code has not been imported or has changed.
    """
    model = build_network(checkpoint)
    restore_variables(model, checkpoint, "model")
    return model


def snapshot(model: keras.Model, *parts: str) -> Tensors:
    """Copy variables of a compiled model to the CPU, unaffected by further training.

    Args:
        model: compiled.
        parts: any of "model", "optimizer" and "metrics".
    """
    return {
        f"{part}.{index:04d}.{variable.path}": variable.value.detach().to(
            "cpu", copy=True, memory_format=torch.contiguous_format
        )
        for part in parts
        for index, variable in enumerate(_variables_of(model, part))
    }


def restore_variables(model: keras.Model, checkpoint: Checkpoint, *parts: str) -> None:
    """Set variables of a model to those of a checkpoint.

    Args:
        model: compiled, if its optimizer or metrics are restored.
        checkpoint: holds the variables.
        parts: any of "model", "optimizer" and "metrics".

    Raises:
        RunError: if the model's variables are not those of the checkpoint.
    """
    for part in parts:
        variables = _variables_of(model, part)
        # In order, not by name: Keras numbers the layers that were given no name.
        values = [tensor for _, tensor in sorted(checkpoint.tensors_of(part).items())]
        if list(map(_form, values)) != [_form(variable.value) for variable in variables]:
            raise RunError(
                f"The checkpoint should hold the {len(variables)} variables of this network's "
                f"{part}, but holds {len(values)}, or some of another form: the network's code has "
                "changed. Restore the old code, or train again."
            )
        with torch.no_grad():
            for value, variable in zip(values, variables, strict=True):
                variable.value.copy_(value)


def _form(tensor: torch.Tensor) -> tuple[tuple[int, ...], torch.dtype]:
    return tuple(tensor.shape), tensor.dtype


def _variables_of(model: keras.Model, part: str) -> Sequence[Any]:
    if part == "model":
        return model.variables
    if part == "metrics":
        return model.metrics_variables
    optimizer: Any = model.optimizer
    if not optimizer.built:  # Keras would create its variables in the first step
        optimizer.build(model.trainable_variables)
    return optimizer.variables
