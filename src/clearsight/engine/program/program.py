"""`Program`: a Keras model's graph as a flat list of torch operations over the same variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from clearsight.engine.lowering import lower
from clearsight.engine.lowering.operation import (
    Axes,
    CannotLowerError,
    Operation,
    Site,
    Weights,
)
from clearsight.engine.program.fusion import fused
from clearsight.models.backend import keras
from clearsight.models.graph import Call, Graph, get_graph, uses_default_call

Tensors = list[torch.Tensor]


@dataclass
class Step:
    """One operation in its place.

    Attributes:
        operation: what is done.
        inputs: numbers of the values that it takes.
        output: number of the value that it gives.
        layer: the Keras layer it comes from.
    """

    operation: Operation
    inputs: tuple[int, ...]
    output: int
    layer: Any


@dataclass
class Program:
    """A model as torch operations; call it on the model's inputs to get its outputs.

    Attributes:
        steps: in an order in which they can run.
        num_inputs: the first values, which the model is called on.
        outputs: numbers of the values that the model gives.
        num_values: how many values there are in all.
        training: whether dropout drops and batch statistics are used.
        ends_in_softmax: whether the model ends in a softmax over the last axis, which the program
            leaves out: its single output is the logits.
        left_to_keras: a sentence's part for each layer that Keras runs itself.
    """

    steps: list[Step]
    num_inputs: int
    outputs: tuple[int, ...]
    num_values: int
    training: bool
    ends_in_softmax: bool
    left_to_keras: tuple[str, ...]
    _run: list[tuple[Callable[..., Any], Any, tuple[int, ...], int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._run = [
            (step.operation.apply, step.operation.weights, step.inputs, step.output)
            for step in self.steps
        ]

    def hold_weights(self, *, contiguous: bool = False) -> None:
        """Make the weights once for all batches to come, until called again; no gradient flows.

        Args:
            contiguous: whether each is copied into the plain order of its axes.
        """
        with torch.no_grad():
            self._run = [
                (
                    step.operation.apply,
                    None
                    if step.operation.weights is None
                    else _constant(step.operation.weights, contiguous),
                    step.inputs,
                    step.output,
                )
                for step in self.steps
            ]

    def __call__(self, inputs: Tensors) -> Tensors:
        """Run the program.

        Args:
            inputs: the model's inputs, as Keras has their axes.

        Returns:
            The model's outputs likewise, each in the type in which it was computed; the logits in
            place of a softmax that ends the model.
        """
        values: list[Any] = [None] * self.num_values
        values[: self.num_inputs] = inputs
        for apply, weights, places, output in self._run:
            taken = [values[place] for place in places]
            values[output] = apply(*taken) if weights is None else apply(*taken, *weights())
        return [values[place] for place in self.outputs]


def compile_program(model: keras.Model, *, training: bool, dtype: torch.dtype) -> Program:
    """Lower a model with a graph.

    Raises:
        ModelError: when the model has no graph.
    """
    writer = _Writer(training, dtype)
    graph = get_graph(model)
    inputs = [writer.new_value(Axes.KERAS) for _ in graph.inputs]
    writer.last_layer = _last_with_weights(graph)
    outputs = writer.write(graph, inputs)
    places = tuple(writer.as_keras(value) for value in outputs)
    steps, ends_in_softmax = fused(writer.steps, places, training=training)
    if ends_in_softmax:
        places = steps[-1].inputs
        steps = steps[:-1]
    return Program(
        steps=steps,
        num_inputs=len(inputs),
        outputs=places,
        num_values=len(writer.axes),
        training=training,
        ends_in_softmax=ends_in_softmax,
        left_to_keras=tuple(writer.left_to_keras),
    )


class _Writer:
    """Writes the steps of a graph, and of the models nested in it."""

    def __init__(self, training: bool, dtype: torch.dtype) -> None:
        self.training = training
        self.dtype = dtype
        self.steps: list[Step] = []
        self.axes: list[Axes] = []  # of each value, by its number
        self.left_to_keras: dict[str, None] = {}  # kept in order, each once
        self.last_layer: Any = None
        self._turned: dict[int, int] = {}

    def new_value(self, axes: Axes) -> int:
        self.axes.append(axes)
        return len(self.axes) - 1

    def write(self, graph: Graph, inputs: list[int]) -> list[int]:
        """Write a graph whose inputs are those values, and return its outputs."""
        values = {id(t): place for t, place in zip(graph.inputs, inputs, strict=True)}
        for call in graph.calls:
            if call.is_input:
                continue
            taken = [values[id(tensor)] for tensor in call.inputs]
            given = self._write_call(call, taken)
            values.update(zip(map(id, call.outputs), given, strict=True))
        return [values[id(tensor)] for tensor in graph.outputs]

    def _write_call(self, call: Call, taken: list[int]) -> list[int]:
        layer = call.layer
        if isinstance(layer, keras.Model) and uses_default_call(layer) and call.is_plain:
            return self.write(get_graph(layer), taken)
        try:
            if not isinstance(layer, keras.Layer):
                raise CannotLowerError("")  # an operation such as ``x / 255``: fast enough as it is
            if not call.is_plain:
                raise CannotLowerError("it is called with arguments of its own")
            site = Site(
                training=self.training,
                dtype=self._dtype_of(layer),
                input_shapes=tuple(tuple(shape) for shape in call.input_shapes),
            )
            operations = lower(layer, site)
        except CannotLowerError as reason:
            if str(reason):
                self.left_to_keras[f"{type(layer).__name__} '{layer.name}', because {reason}"] = (
                    None
                )
            return self._write_keras(call, taken)
        for operation in operations:
            taken = [self._write_operation(operation, taken, layer)]
        return taken

    def _dtype_of(self, layer: Any) -> torch.dtype:
        """The last layer with weights computes in float32: what comes out are probabilities."""
        if layer is self.last_layer and layer.compute_dtype == "float32":
            return torch.float32
        return torch.bfloat16 if layer.compute_dtype == "bfloat16" else self.dtype

    def _write_operation(self, operation: Operation, taken: list[int], layer: Any) -> int:
        wanted = operation.takes
        if wanted is Axes.ANY:
            wanted = self.axes[taken[0]]
        places = tuple(self._turn(place, wanted) for place in taken)
        output = self.new_value(operation.gives or wanted)
        self.steps.append(Step(operation, places, output, layer))
        return output

    def _write_keras(self, call: Call, taken: list[int]) -> list[int]:
        """Let Keras itself run a call; with several outputs, one step takes each out."""
        places = tuple(self.as_keras(place) for place in taken)
        run = call.replay(training=self.training)
        if len(call.outputs) == 1:
            output = self.new_value(Axes.KERAS)
            self.steps.append(Step(Operation(run), places, output, call.layer))
            return [output]
        whole = self.new_value(Axes.KERAS)
        self.steps.append(Step(Operation(run), places, whole, call.layer))
        outputs = []
        for index in range(len(call.outputs)):
            output = self.new_value(Axes.KERAS)
            pick = Operation(lambda values, index=index: keras.tree.flatten(values)[index])
            self.steps.append(Step(pick, (whole,), output, call.layer))
            outputs.append(output)
        return outputs

    def as_keras(self, place: int) -> int:
        return self._turn(place, Axes.KERAS)

    def _turn(self, place: int, wanted: Axes) -> int:
        """Give the number of the same value with its axes as wanted: a view, never a copy."""
        if self.axes[place] is wanted:
            return place
        if place not in self._turned:
            order = (0, 3, 1, 2) if wanted is Axes.CHANNELS_SECOND else (0, 2, 3, 1)
            turned = self.new_value(wanted)
            view = Operation(lambda value: value.permute(order), kind="view")
            self.steps.append(Step(view, (place,), turned, None))
            self._turned[place], self._turned[turned] = turned, place
        return self._turned[place]


def _constant(weights: Callable[[], Weights], contiguous: bool) -> Callable[[], Weights]:
    made = tuple(None if weight is None else weight.detach() for weight in weights())
    if contiguous:
        made = tuple(None if weight is None else weight.contiguous() for weight in made)
    return lambda: made


def _last_with_weights(graph: Graph) -> Any:
    return next((call.layer for call in reversed(graph.calls) if call.layer.weights), None)
