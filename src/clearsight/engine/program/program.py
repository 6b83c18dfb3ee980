"""`Program`: a model as a flat list of operations over the variables of its Keras layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch

from clearsight.engine.operations.keras_call import KerasCall, Pick
from clearsight.engine.operations.operation import Operation, Weights

Tensors = list[torch.Tensor]
Inputs = Sequence[torch.Tensor | None]  # None for an optional input


@dataclass(frozen=True, eq=False)
class Node:
    """An operation with its inputs and its output.

    Attributes:
        operation: what is computed.
        inputs: indices of the values that it computes with.
        output: index of the value that it computes.
        layer: the Keras layer that it was lowered from; None for views that reorder axes.
        weights: the operation's weights, if they are constant.
    """

    operation: Operation
    inputs: tuple[int, ...]
    output: int
    layer: Any = None
    weights: Weights | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """A model as torch operations; call it on the model's inputs to get its outputs.

    Attributes:
        nodes: in an order in which they can run.
        num_inputs: number of the model's inputs, which are the first values.
        outputs: indices of the values that are the model's outputs.
        num_values: number of values in all.
        training: whether dropout drops and batch statistics are used.
        ends_in_softmax: whether the model ends in a softmax over the last axis that the program
            leaves out: its single output is the logits.
        left_to_keras: each layer that Keras runs, and why, as part of a sentence.
    """

    nodes: tuple[Node, ...]
    num_inputs: int
    outputs: tuple[int, ...]
    num_values: int
    training: bool
    ends_in_softmax: bool = False
    left_to_keras: tuple[str, ...] = ()

    def __call__(self, inputs: Inputs) -> Tensors:
        """Run the program.

        Args:
            inputs: the model's inputs, in Keras's order of axes.

        Returns:
            The model's outputs, or logits if `ends_in_softmax`, in Keras's order of axes, each in
            the dtype in which it was computed.
        """
        values: list[Any] = [None] * self.num_values
        values[: self.num_inputs] = inputs
        for node in self.nodes:
            weights = node.operation.weights() if node.weights is None else node.weights
            node_inputs = [values[index] for index in node.inputs]
            values[node.output] = node.operation.apply(*node_inputs, *weights)
        return [values[index] for index in self.outputs]

    @cached_property
    def runs_keras(self) -> bool:
        """Whether Keras runs any of its calls."""
        return any(isinstance(node.operation, KerasCall) for node in self.nodes)

    @cached_property
    def keras_outputs(self) -> set[int]:
        """Indices of the values that Keras computed."""
        return {n.output for n in self.nodes if isinstance(n.operation, KerasCall | Pick)}

    @property
    def state(self) -> list[Any]:
        """Variables that running the program changes, such as moving statistics, each once."""
        layers = {id(n.layer): n.layer for n in self.nodes if n.operation.changes_state}
        return [
            v for layer in layers.values() for v in getattr(layer, "non_trainable_variables", ())
        ]

    def count_uses(self) -> Counter[int]:
        """Count how often each value is used, by nodes and as an output."""
        uses = Counter(index for node in self.nodes for index in node.inputs)
        uses.update(self.outputs)
        return uses

    def freeze_weights(self, *, contiguous: bool = False) -> Program:
        """Return the program with its present weights as constants; no gradient flows there.

        Args:
            contiguous: whether each is copied into the plain order of its axes.
        """
        with torch.no_grad():
            nodes = [replace(n, weights=_constant(n.operation, contiguous)) for n in self.nodes]
        return replace(self, nodes=tuple(nodes))


def _constant(operation: Operation, contiguous: bool) -> Weights:
    weights = [None if weight is None else weight.detach() for weight in operation.weights()]
    if contiguous:
        weights = [None if weight is None else weight.contiguous() for weight in weights]
    return tuple(weights)
