"""Mistakes in a network's last layer that its loss reveals."""

from __future__ import annotations

from typing import Any, Literal

from clearsight.models.backend import keras
from clearsight.models.fit_check.known_loss import KnownLoss
from clearsight.models.graph import Call, get_graph, is_builtin_layer

Output = Literal["softmax", "sigmoid", "logits", "unknown"]


def position_mistake(output_shape: tuple[int | None, ...], num_classes: int) -> str:
    """Return a sentence for an output of several axes where one row of classes is expected."""
    positions = output_shape[1:-1]
    return (
        f"The network's output should have the shape (None, {num_classes}), one unit per class, "
        f"but has {output_shape}, a prediction for each of {'x'.join(map(str, positions))} "
        f"positions: add Flatten() or GlobalAveragePooling{len(positions)}D() before the last "
        "Dense."
    )


def per_position_mistakes(
    loss: KnownLoss, output_shape: tuple[int | None, ...], y_shape: tuple[int, ...]
) -> list[str]:
    """Return what is wrong with outputs for each position of an image that has one label.

    Labels for each position, as in segmentation, are right.
    """
    is_whole_numbers = loss.targets == "integers"
    num_axes = len(output_shape) - is_whole_numbers
    is_single = all(size == 1 for size in output_shape[1:-1])
    has_one_label = len(y_shape) < num_axes or y_shape[1:] == (1,)
    if loss.targets == "values" or not has_one_label or is_single:
        return []
    return [position_mistake(output_shape, output_shape[-1] or 0)]


def output_mistakes(loss: KnownLoss | None, model: keras.Model) -> list[str]:
    """Return what is wrong with the output (N, K) of a model for a loss, if that is known."""
    output, units = _output_of(model), model.output_shape[-1]
    if output == "softmax" and units == 1:
        return [
            "A softmax over one unit always gives 1, so the network would learn nothing: end with "
            "Dense(1, activation='sigmoid')."
        ]
    if loss is None or loss.targets == "values":
        return []
    ending = "Dense(1, activation='sigmoid')" if units == 1 else "Dense(K, activation='softmax')"
    if loss.targets != "fractions" and output == "sigmoid" and units > 1:
        return [
            f"The loss {loss.name} expects probabilities that sum to 1, but the network ends in "
            f"sigmoid: end with {ending}."
        ]
    if output in ("softmax", "sigmoid") and loss.from_logits:
        return [
            f"The loss has from_logits=True, but the network already ends in probabilities "
            f"({output}), so {output} would be applied twice: drop from_logits=True, or the "
            "last activation."
        ]
    if output == "logits" and not loss.from_logits:
        if loss.targets == "fractions":
            ending = f"Dense({units}, activation='sigmoid')"
        return [
            f"The loss {loss.name} expects probabilities, but the network ends in logits (no "
            f"{'sigmoid' if 'sigmoid' in ending else 'softmax'}): end with {ending}, or give the "
            "loss from_logits=True."
        ]
    return []


def _output_of(model: keras.Model) -> Output:
    """Return what a network's only output is."""
    graph = get_graph(model)
    makers = {id(output): call for call in graph.calls for output in call.outputs}
    call: Call | None = makers.get(id(graph.outputs[0]))
    while call is not None and _passes_on(call.layer):
        call = makers.get(id(call.inputs[0]))
    if call is None:
        return "unknown"
    layer: Any = call.layer
    if isinstance(layer, keras.Model):
        return _output_of(layer) if len(layer.outputs) == 1 else "unknown"
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    activation = getattr(layer, "activation", None)
    if activation is keras.activations.softmax:
        return "softmax"
    if activation is keras.activations.sigmoid:
        return "sigmoid"
    is_product = isinstance(layer, keras.layers.Dense) and is_builtin_layer(layer)
    return "logits" if is_product and activation is keras.activations.linear else "unknown"


def _passes_on(layer: Any) -> bool:
    """Return whether a layer's output is its input, like that of a last layer for another dtype."""
    is_activation = isinstance(layer, keras.layers.Activation)
    is_linear = is_activation and layer.activation is keras.activations.linear
    return is_linear or isinstance(layer, keras.layers.Identity)
