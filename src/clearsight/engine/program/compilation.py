"""`compile_program`: from a Keras graph to a `Program`."""

from typing import Any

import torch

from clearsight.engine.lowering.lower import is_lowered, lower
from clearsight.engine.lowering.site import CannotLowerError, Site, TensorArgument, arguments_of
from clearsight.engine.lowering.tensor_operations import lower_tensor_operation
from clearsight.engine.operations.keras_call import KerasCall, Pick
from clearsight.engine.operations.operation import (
    Axes,
    Function,
    Operation,
    Permute,
    accumulation_dtype,
)
from clearsight.engine.program.passes import PASSES
from clearsight.engine.program.program import Node, Program
from clearsight.models.backend import keras
from clearsight.models.graph import Call, Graph, get_graph

layers = keras.layers

_TAKE_INTEGERS = (
    layers.Rescaling, layers.Normalization, layers.Dense,
    layers.Flatten, layers.Reshape, layers.ZeroPadding2D, layers.Cropping2D, layers.Permute,
    layers.RepeatVector, layers.Embedding,
)  # fmt: skip
"""The lowered layers that compute what Keras computes for inputs of integers or booleans too."""

_ORDERS = {Axes.CHANNELS_SECOND: (0, 3, 1, 2), Axes.KERAS: (0, 2, 3, 1)}
"""The permutation that brings a value into each order of axes from the other one."""


def compile_program(model: keras.Model, *, training: bool, dtype: torch.dtype) -> Program:
    """Lower a model's graph, and rewrite it by the passes.

    Raises:
        ModelError: if the model has no graph.
    """
    graph = get_graph(model)
    builder = _Builder(training, dtype, _last_with_weights(graph))
    inputs = [builder.new_value(Axes.KERAS) for _ in graph.inputs]
    outputs = tuple(builder.as_keras(value) for value in builder.add_graph(graph, inputs))
    program = Program(
        nodes=tuple(builder.nodes),
        num_inputs=len(inputs),
        outputs=outputs,
        num_values=len(builder.axes),
        training=training,
        left_to_keras=tuple(builder.left_to_keras),
    )
    for rewrite in PASSES:
        program = rewrite(program)
    return program


class _Builder:
    """Appends the nodes of a graph, and of the models nested in it."""

    def __init__(self, training: bool, dtype: torch.dtype, last_layer: Any) -> None:
        self.training = training
        self.dtype = dtype
        self.last_layer = last_layer
        self.nodes: list[Node] = []
        self.axes: list[Axes] = []  # of each value, by its index
        self.left_to_keras: dict[str, None] = {}  # in order, each once
        self._permuted: dict[int, int] = {}
        self._optional: set[int] = set()  # symbolic tensors that may be None, by their id

    def new_value(self, axes: Axes) -> int:
        self.axes.append(axes)
        return len(self.axes) - 1

    def add_graph(self, graph: Graph, inputs: list[int]) -> list[int]:
        """Add a graph whose inputs are these values, and return its outputs."""
        values = {id(t): index for t, index in zip(graph.inputs, inputs, strict=True)}
        for call in graph.calls:
            if call.is_input:
                if call.layer.optional:
                    self._optional.update(map(id, call.outputs))
                continue
            call_inputs = [values[id(tensor)] for tensor in call.inputs]
            call_outputs = self._add_call(call, call_inputs)
            values.update(zip(map(id, call.outputs), call_outputs, strict=True))
        return [values[id(tensor)] for tensor in graph.outputs]

    def _add_call(self, call: Call, inputs: list[int]) -> list[int]:
        """Add a call whose inputs are these values, and return its outputs."""
        layer = call.layer
        if not isinstance(layer, keras.Layer):
            return self._add_tensor_operation(call, inputs)
        if call.is_nested_graph and self._optional.isdisjoint(map(id, call.inputs)):
            return self.add_graph(get_graph(layer), inputs)
        try:
            operations = self._lower(call)
        except CannotLowerError as reason:
            name = f"{type(layer).__name__} '{layer.name}'"
            self.left_to_keras[f"{name}, because {reason}"] = None
            return self._add_keras(call, inputs)
        values = [
            self._cast(value, tensor.dtype, layer)
            for value, tensor in zip(inputs, call.inputs, strict=True)
        ]
        for operation in operations:
            values = [self._add_operation(operation, values, layer)]
        return values

    def _add_tensor_operation(self, call: Call, inputs: list[int]) -> list[int]:
        """Add an operation such as ``x + y``; Keras runs those of types other than float32."""
        is_plain = len(call.outputs) == 1 and {t.dtype for t in call.inputs} == {"float32"}
        if not is_plain or call.takes_masks or not self._optional.isdisjoint(map(id, call.inputs)):
            return self._add_keras(call, inputs)
        site = Site(self.training, self.dtype, call.input_shapes, arguments_of(call))
        try:
            operations = lower_tensor_operation(call.layer, site)
        except CannotLowerError:
            return self._add_keras(call, inputs)  # fast enough not to need a warning
        values = inputs
        for operation in operations:
            values = [self._add_operation(operation, values, call.layer)]
        return values

    def _lower(self, call: Call) -> list[Operation]:
        layer = call.layer
        if len(call.outputs) != 1:
            raise CannotLowerError("it has several outputs")  # RandomFlip of images and labels
        if call.takes_masks:
            raise CannotLowerError("its input has a mask")
        if not self._optional.isdisjoint(map(id, call.inputs)):
            raise CannotLowerError("its input is optional")
        site = Site(
            self.training,
            self._dtype_of(layer),
            call.input_shapes,
            arguments_of(call) if is_lowered(layer) else {},
        )
        mask = site.arguments.get("attention_mask")
        mask_index = mask.index if isinstance(mask, TensorArgument) else None
        values = [tensor for index, tensor in enumerate(call.inputs) if index != mask_index]
        if not isinstance(layer, _TAKE_INTEGERS) and not all(map(_is_float, values)):
            raise CannotLowerError("its input is not floating-point")
        return lower(layer, site)

    def _dtype_of(self, layer: Any) -> torch.dtype:
        """The last layer with weights computes in float32: its outputs are probabilities."""
        if layer.compute_dtype in ("bfloat16", "float64"):
            return getattr(torch, layer.compute_dtype)
        return accumulation_dtype(self.dtype) if layer is self.last_layer else self.dtype

    def _cast(self, value: int, given: str, layer: Any) -> int:
        """Cast a layer's input as Keras does; in a bfloat16 program only from and to float64."""
        dtype, given_dtype = self._dtype_of(layer), getattr(torch, given, None)
        is_float = given_dtype is not None and given_dtype.is_floating_point
        is_cast_by_keras = given != layer.compute_dtype and self.dtype is not torch.bfloat16
        involves_float64 = torch.float64 in (dtype, given_dtype) and dtype is not given_dtype
        if not is_float or not (is_cast_by_keras or involves_float64):
            return value
        cast = Function(lambda values: values.to(dtype), input_axes=Axes.ANY)
        return self._add_operation(cast, [value], layer)

    def _add_operation(self, operation: Operation, inputs: list[int], layer: Any) -> int:
        order = self.axes[inputs[0]] if operation.input_axes is Axes.ANY else operation.input_axes
        permuted = tuple(self._permute(value, order) for value in inputs)
        output = self.new_value(operation.output_axes or order)
        self.nodes.append(Node(operation, permuted, output, layer))
        return output

    def _add_keras(self, call: Call, inputs: list[int]) -> list[int]:
        """Let Keras run a call; for each of several outputs another node picks it."""
        run = KerasCall(call, self.training, changes_state=True)
        result = self._add_operation(run, inputs, call.layer)
        if len(call.outputs) == 1:
            return [result]
        return [
            self._add_operation(Pick(index), [result], call.layer)
            for index in range(len(call.outputs))
        ]

    def as_keras(self, value: int) -> int:
        return self._permute(value, Axes.KERAS)

    def _permute(self, value: int, order: Axes) -> int:
        """Return the same value with its axes in an order: a view, never a copy."""
        if self.axes[value] is order:
            return value
        if value not in self._permuted:
            view = self.new_value(order)
            self.nodes.append(Node(Permute(_ORDERS[order]), (value,), view))
            self._permuted[value], self._permuted[view] = view, value
        return self._permuted[value]


def _last_with_weights(graph: Graph) -> Any:
    layers = (call.layer for call in reversed(graph.calls) if isinstance(call.layer, keras.Layer))
    return next((layer for layer in layers if layer.weights), None)


def _is_float(tensor: Any) -> bool:
    return keras.backend.is_float_dtype(tensor.dtype)
