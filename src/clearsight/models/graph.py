"""Walking a built Keras model: which layer is called on what, in the order of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearsight.errors import ModelError
from clearsight.models.backend import keras

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One call of a layer within a model.

    Attributes:
        layer: the Keras layer (or operation, or nested model) that is called.
        inputs: the symbolic tensors it is called on; none for an input layer.
        outputs: the symbolic tensors it gives.
    """

    layer: Any
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Each input's shape without the batch axis."""
        return tuple(tuple(tensor.shape[1:]) for tensor in self.inputs)

    @property
    def output_shape(self) -> Shape:
        """The first output's shape without the batch axis."""
        return tuple(self.outputs[0].shape[1:])

    @property
    def is_input(self) -> bool:
        """Whether this is where data comes in."""
        return not self.inputs


@dataclass(frozen=True)
class Graph:
    """A model as its calls, each after those whose results it takes.

    Attributes:
        calls: all calls; shared layers occur more than once.
        layers: every layer once, in the order of ``model.summary()``.
        inputs: the model's symbolic inputs.
        outputs: the model's symbolic outputs.
    """

    calls: tuple[Call, ...]
    layers: tuple[Any, ...]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]


def graph_of(model: keras.Model) -> Graph:
    """Return the graph of a Sequential or Functional model.

    Raises:
        ModelError: when the model is subclassed, so that Keras itself knows no graph.
    """
    # A built Sequential keeps a Functional twin; neither has a public way to its nodes.
    functional = getattr(model, "_functional", None) or model
    nodes_by_depth = getattr(functional, "_nodes_by_depth", None)
    if nodes_by_depth is None:
        raise ModelError(
            f"'{model.name}' should be a built Sequential or Functional model, but is a subclassed "
            f"{type(model).__name__} without a graph: build it with keras.Model(inputs, outputs)."
        )
    nodes = [
        node for depth in sorted(nodes_by_depth, reverse=True) for node in nodes_by_depth[depth]
    ]
    calls = (Call(node.operation, tuple(node.input_tensors), tuple(node.outputs)) for node in nodes)
    return Graph(
        tuple(calls),
        tuple(functional._operations),
        tuple(functional.inputs),
        tuple(functional.outputs),
    )


def rescales_pixels(model: keras.Model) -> bool:
    """Tell whether the network itself brings pixels 0..255 to a small range before it uses them.

    True when a Rescaling by less than 0.1 or a Normalization layer is met, nested models included,
    before any layer that multiplies with weights.
    """
    for layer in _layers_in_order(model):
        if isinstance(layer, keras.layers.Rescaling):
            return bool(abs(float(layer.scale)) < 0.1) if _is_number(layer.scale) else True
        if isinstance(layer, keras.layers.Normalization):
            return True
        if layer.weights:
            return False
    return False


def normalizes_input(model: keras.Model) -> bool:
    """Tell whether a BatchNormalization or the like comes before any convolution or dense layer."""
    normalizing = (
        keras.layers.BatchNormalization,
        keras.layers.LayerNormalization,
        keras.layers.GroupNormalization,
    )
    for layer in _layers_in_order(model):
        if isinstance(layer, normalizing):
            return True
        if layer.weights:
            return False
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _layers_in_order(model: keras.Model) -> list[Any]:
    layers: list[Any] = []
    for call in graph_of(model).calls:
        if isinstance(call.layer, keras.Model):
            layers += _layers_in_order(call.layer)
        elif isinstance(call.layer, keras.Layer):
            layers.append(call.layer)
    return layers
