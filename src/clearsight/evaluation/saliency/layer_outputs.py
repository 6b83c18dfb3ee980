"""Running a network call by call, to see what each layer gives and what depends on it."""

from __future__ import annotations

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
from clearsight.models.keras_internals import flatten_layers

layers = keras.layers

Values = dict[int, torch.Tensor]
CONVOLUTIONS = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.Conv2DTranspose,
)


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer.

    Attributes:
        call: what is called.
        inputs: numbers of the values that it takes.
        outputs: numbers of the values that it gives.
    """

    call: Call
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.call.layer.name

    @property
    def is_map(self) -> bool:
        """Whether it gives maps: more than one row and column, channels last."""
        shape = self.call.output_shape
        first = getattr(self.call.layer, "data_format", None) == "channels_first"
        return len(shape) == 3 and not first and None not in shape and min(shape[:2]) > 1


class LayerOutputs:
    """A network as steps that are run in Keras's own layers, in float32, as when it predicts.

    Models within the model are opened. Running changes nothing about the network: no gradient is
    left at its weights, statistics and generators of random numbers stay as they are.

    Args:
        model: Sequential or Functional, of one input float (N, H, W, C) and one output (N, K).

    Raises:
        ModelError: when it is no such network.
    """

    def __init__(self, model: keras.Model) -> None:
        self.name = model.name
        if not uses_default_call(model):
            get_graph(model)  # says what is wrong where there is no graph
            raise ModelError(
                f"'{model.name}' should run its graph of layers, but has a `call` of its own: what "
                "its layers give cannot be looked at."
            )
        model = _in_float32(model)
        graph = get_graph(model)
        if len(graph.inputs) != 1 or len(graph.outputs) != 1 or len(graph.inputs[0].shape) != 4:
            raise ModelError(
                f"'{self.name}' should take one batch of images and give one output, but takes "
                f"{_shapes(graph.inputs)} and gives {_shapes(graph.outputs)}."
            )
        self._count = 1
        self.steps: list[Step] = []
        (self.output,) = self._opened(model, (0,))
        variables = model.variables
        self._device = variables[0].value.device if variables else torch.device("cpu")

    def _opened(self, model: keras.Model, inputs: tuple[int, ...]) -> tuple[int, ...]:
        graph = get_graph(model)
        numbers = {id(tensor): number for tensor, number in zip(graph.inputs, inputs, strict=True)}
        for call in graph.calls:
            if call.is_input:
                continue
            taken = tuple(numbers[id(tensor)] for tensor in call.inputs)
            if _can_be_opened(call):
                given = self._opened(call.layer, taken)
            else:
                given = tuple(range(self._count, self._count + len(call.outputs)))
                self._count += len(given)
                self.steps.append(Step(call, taken, given))
            numbers.update(zip(map(id, call.outputs), given, strict=True))
        return tuple(numbers[id(tensor)] for tensor in graph.outputs)

    @cached_property
    def waists(self) -> list[int]:
        """The steps that everything goes through: what follows takes nothing made before them."""
        found = []
        for index, step in enumerate(self.steps):
            before = {0}.union(*(each.outputs for each in self.steps[:index]))
            later = {taken for each in self.steps[index + 1 :] for taken in each.inputs}
            if len(step.outputs) == 1 and not later & before and self.output not in before:
                found.append(index)
        return found

    def tensor(self, images: np.ndarray) -> torch.Tensor:
        """Return images where the network's weights are.

        Args:
            images: float32 (N, H, W, C), as the network takes them.
        """
        return torch.tensor(images, dtype=torch.float32, device=self._device)

    def on_its_device(self) -> AbstractContextManager[None]:
        """Make Keras compute where the network's weights are."""
        kind: Any = self._device.type
        return on_device(kind)

    def run(self, values: Values, steps: Iterable[Step]) -> Values:
        """Run steps in order, and return `values` with what they give.

        Args:
            values: all that the steps take; number 0 is the images.
            steps: of `steps`.
        """
        values = dict(values)
        with self.on_its_device():
            for step in steps:
                given = step.call.replay(training=False)(*(values[each] for each in step.inputs))
                flat = keras.tree.flatten(given)
                values.update(zip(step.outputs, flat, strict=True))
        return values

    def scores(self, values: Values, first: int) -> torch.Tensor:
        """Run the steps from number `first` on, and return the scores (N, K) of the classes.

        They are what goes into the softmax that the network ends in, or its output where it ends
        in none.

        Raises:
            ModelError: when the network does not give one number a class.
        """
        last = self.steps[-1]
        layer = last.call.layer
        kind: Any = type(layer)
        is_end = last.outputs == (self.output,)
        values = self.run(values, self.steps[first : len(self.steps) - is_end])
        if is_end and _is_softmax(layer):
            scores = values[last.inputs[0]]
        elif is_end and kind is layers.Dense and _is_softmax_function(layer.activation):
            scores = values[last.inputs[0]] @ layer.kernel.value
            scores = scores if layer.bias is None else scores + layer.bias.value
        elif is_end:
            scores = self.run(values, [last])[self.output]
        else:
            scores = values[self.output]
        if scores.ndim != 2:
            raise ModelError(
                f"'{self.name}' should give one number a class, but gives {_shapes([scores])}."
            )
        return scores


def _can_be_opened(call: Call) -> bool:
    layer = call.layer
    return (
        isinstance(layer, keras.Model)
        and call.is_plain
        and uses_default_call(layer)
        and len(get_graph(layer).inputs) == len(call.inputs)
    )


def _is_softmax(layer: Any) -> bool:
    if isinstance(layer, layers.Activation):
        return _is_softmax_function(layer.activation)
    return type(layer).__name__ == "Softmax"


def _is_softmax_function(activation: Any) -> bool:
    return activation is keras.activations.softmax


def _shapes(tensors: Iterable[Any]) -> str:
    return " and ".join(str(tuple(tensor.shape[1:])) for tensor in tensors)


def _in_float32(model: keras.Model) -> keras.Model:
    """Return the model, or a copy that computes in float32 where it computes in less."""
    if all(layer.compute_dtype in (None, "float32") for layer in flatten_layers(model)):
        return model

    def as_float32(layer: Any) -> Any:
        if isinstance(layer, keras.Model):
            return _in_float32(layer)
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    copy = keras.models.clone_model(model, clone_function=as_float32)
    copy.set_weights(model.get_weights())
    return copy
