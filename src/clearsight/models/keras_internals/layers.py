"""Models and layers: their graphs, and the context in which Keras calls them."""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from clearsight.models.backend import keras
from clearsight.models.keras_internals.names import (
    AutocastScope,
    operation_fn,
    unpack_singleton,
)


def functional_of(model: keras.Model) -> Any:
    """Return the `Functional` that a built Sequential wraps; any other model as it is."""
    return getattr(model, "_functional", None) or model


def nodes_of(functional: Any) -> list[Any]:
    """Return the nodes of a `Functional`'s graph, each after those whose outputs it takes."""
    by_depth = functional._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def layer_name_of(values: Any) -> str:
    """Return the name of the layer whose output a symbolic Keras tensor is."""
    return values._keras_history.operation.name


def flatten_layers(model: keras.Model) -> list[keras.Layer]:
    """Return a model, its layers, and the layers nested in them."""
    return [layer for layer in model._flatten_layers() if isinstance(layer, keras.Layer)]


def is_kerass_activation(function: Any) -> bool:
    """Return whether an activation function is one of Keras's own."""
    return function.__module__.startswith("keras.src.activations")


def is_kerass_operation(operation: Any, names: Container[str]) -> bool:
    """Return whether an operation of a graph is one of Keras's own with one of these names."""
    kind = type(operation)
    return kind.__module__.startswith("keras.src.ops.") and kind.__name__ in names


def has_torch_hooks(layer: Any) -> bool:
    """Return whether torch calls functions of a user's when a layer or a model is called."""
    return bool(
        layer._forward_hooks
        or layer._forward_pre_hooks
        or layer._backward_hooks
        or layer._backward_pre_hooks
    )


def takes_one_tensor(functional: Any) -> bool:
    """Return whether a `Functional` is called on a tensor, not on a list or dict of them."""
    return not isinstance(functional._inputs_struct, dict | list | tuple)


def standardize_inputs(functional: Any, x: Any) -> list[Any]:
    """Return what a `Functional` is called on as a flat list of tensors, in the order of inputs."""
    return functional._standardize_inputs(x)


def pack_outputs(functional: Any, outputs: list[torch.Tensor]) -> Any:
    """Return a flat list of outputs in the structure that the model returns."""
    return unpack_singleton(keras.tree.pack_sequence_as(functional._outputs_struct, outputs))


def translation_matrices(layer: Any, images: torch.Tensor) -> torch.Tensor:
    """Draw a RandomTranslation's affine maps for images: float32 (N, 8)."""
    drawn = layer.get_random_transformation(images, training=True)
    return layer._get_translation_matrix(drawn["translations"])


def zoom_matrices(layer: Any, images: torch.Tensor) -> torch.Tensor:
    """Draw a RandomZoom's affine maps for images: float32 (N, 8)."""
    drawn = layer.get_random_transformation(images, training=True)
    zooms = torch.cat([drawn["width_zoom"], drawn["height_zoom"]], dim=1).float()
    is_first = layer.data_format == "channels_first"
    height, width = images.shape[2:] if is_first else images.shape[1:3]
    return layer._get_zoom_matrix(zooms, height, width)


@contextmanager
def call_context(model: Any, *, training: bool) -> Iterator[None]:
    """Make the calls within the block part of one call of the model, as ``Model.__call__`` does.

    Layers that are called without ``training`` get the model's, and the losses that they add are
    the model's ``losses``; those of the call before are cleared.
    """
    is_mixed = model.compute_dtype != model.variable_dtype
    autocast = AutocastScope(model.compute_dtype) if is_mixed else nullcontext()
    context = model._get_call_context()
    context.set_value("training", training)
    try:
        with model._open_name_scope(), autocast:
            yield
    finally:
        model._maybe_reset_call_context()


def with_training(operation: Any, training: bool) -> Callable[..., Any]:
    """Return a layer, or operation, that is called with ``training`` as a model's graph does it."""
    return operation_fn(operation, training=training)
