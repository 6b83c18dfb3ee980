"""`LayerOutputs`: runs a network layer by layer, for the layers' outputs and their gradients."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from clearsight.engine.runtime.device import on_device
from clearsight.errors import ModelError
from clearsight.models.backend import keras
from clearsight.models.graph import Call, get_graph, uses_default_call
from clearsight.models.keras_internals.layers import flatten_layers

layers = keras.layers

Values = dict[int, torch.Tensor]
CONVOLUTIONS = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.Conv2DTranspose,
)


@dataclass(frozen=True, eq=False)
class LayerCall:
    """A call of a layer.

    Attributes:
        call: the call in the model's graph.
        layer: the Keras layer.
        name: the layer's name.
        inputs: indices of the values that it takes.
        outputs: indices of the values that it returns.
    """

    call: Call
    layer: Any
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def has_maps(self) -> bool:
        """Whether it returns feature maps: several rows and columns, channels last."""
        shape = self.call.output_shape
        first = getattr(self.layer, "data_format", None) == "channels_first"
        return len(shape) == 3 and not first and None not in shape and min(shape[:2]) > 1


class LayerOutputs:
    """Runs a network layer by layer in Keras's own layers, in float32, in inference mode.

    Nested models are expanded. The network is not changed: its weights get no gradients, and
    statistics and random number generators keep their state.

    Args:
        model: Sequential or Functional, with one input float (N, H, W, C) and one output (N, K).

    Raises:
        ModelError: if it is not such a network.
    """

    def __init__(self, model: keras.Model) -> None:
        self.name = model.name
        if not uses_default_call(model):
            get_graph(model)  # raises if there is no graph
            raise ModelError(
                f"'{model.name}' should run its graph of layers, but overrides `call`: its layers' "
                "outputs cannot be computed."
            )
        model = _in_float32(model)
        graph = get_graph(model)
        if len(graph.inputs) != 1 or len(graph.outputs) != 1 or len(graph.inputs[0].shape) != 4:
            raise ModelError(
                f"'{self.name}' should take one batch of images and return one output, but takes "
                f"{_shapes(graph.inputs)} and returns {_shapes(graph.outputs)}."
            )
        self._num_values = 1
        self.calls: list[LayerCall] = []
        (self.output,) = self._expand(model, (0,))
        variables = model.variables
        self._device = variables[0].value.device if variables else torch.device("cpu")

    def _expand(self, model: keras.Model, inputs: tuple[int, ...]) -> tuple[int, ...]:
        """Append the calls of a model and of the models in it; return its outputs' indices."""
        graph = get_graph(model)
        indices = {id(tensor): index for tensor, index in zip(graph.inputs, inputs, strict=True)}
        for call in graph.calls:
            if call.is_input:
                continue
            taken = tuple(indices[id(tensor)] for tensor in call.inputs)
            if call.is_nested_graph:
                returned = self._expand(call.layer, taken)
            else:
                first = self._num_values
                self._num_values += len(call.outputs)
                returned = tuple(range(first, self._num_values))
                self.calls.append(LayerCall(call, call.layer, call.layer.name, taken, returned))
            indices.update(zip(map(id, call.outputs), returned, strict=True))
        return tuple(indices[id(tensor)] for tensor in graph.outputs)

    @cached_property
    def bottlenecks(self) -> list[int]:
        """Indices of the calls that everything passes: no later call takes an earlier value."""
        found = []
        for index, call in enumerate(self.calls):
            before = {0}.union(*(each.outputs for each in self.calls[:index]))
            later = {taken for each in self.calls[index + 1 :] for taken in each.inputs}
            if len(call.outputs) == 1 and not later & before and self.output not in before:
                found.append(index)
        return found

    def to_tensor(self, images: np.ndarray) -> torch.Tensor:
        """Return images, float32 (N, H, W, C), as a tensor on the network's device."""
        return torch.tensor(images, dtype=torch.float32, device=self._device)

    def on_its_device(self) -> AbstractContextManager[None]:
        """Return a context in which Keras computes on the network's device."""
        kind: Any = self._device.type
        return on_device(kind)

    def run(self, values: Values, calls: Iterable[LayerCall]) -> Values:
        """Run some of `calls` in order; return `values` with their outputs added.

        `values` holds everything that these calls take; index 0 is the images.
        """
        values = dict(values)
        with self.on_its_device():
            for call in calls:
                inputs = (values[each] for each in call.inputs)
                returned = call.call.replay(*inputs, training=False)
                values.update(zip(call.outputs, keras.tree.flatten(returned), strict=True))
        return values

    def logits(self, values: Values, first: int) -> torch.Tensor:
        """Run the calls from index `first` on, and return the classes' logits (N, K).

        These are the inputs of the final softmax, or the network's output if it has none.

        Raises:
            ModelError: if the network does not return one number per class.
        """
        last = self.calls[-1]
        layer = last.layer
        kind: Any = type(layer)
        is_end = last.outputs == (self.output,)
        has_softmax = getattr(layer, "activation", None) is keras.activations.softmax
        is_softmax = has_softmax and isinstance(layer, layers.Activation)
        values = self.run(values, self.calls[first : len(self.calls) - is_end])
        if is_end and (is_softmax or kind.__name__ == "Softmax"):
            logits = values[last.inputs[0]]
        elif is_end and has_softmax and kind is layers.Dense:
            logits = values[last.inputs[0]] @ layer.kernel.value
            logits = logits if layer.bias is None else logits + layer.bias.value
        elif is_end:
            logits = self.run(values, [last])[self.output]
        else:
            logits = values[self.output]
        if logits.ndim != 2:
            raise ModelError(
                f"'{self.name}' should return one number per class, but returns "
                f"{_shapes([logits])}."
            )
        return logits


def _shapes(tensors: Iterable[Any]) -> str:
    return " and ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)


def _in_float32(model: keras.Model) -> keras.Model:
    """Return the model, or a copy that computes in float32 if some layer does not."""
    if all(layer.compute_dtype in (None, "float32") for layer in flatten_layers(model)):
        return model

    def as_float32(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return _in_float32(layer)
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    copy = keras.models.clone_model(model, clone_function=as_float32)
    copy.set_weights(model.get_weights())
    return copy
