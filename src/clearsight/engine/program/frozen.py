"""The part of a training program that is not trained: its weights are constants, and what it
computes at the beginning is the same for an image in every epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from clearsight.engine.operations.keras_call import KerasCall
from clearsight.engine.program.program import Node, Program
from clearsight.models.backend import keras
from clearsight.models.keras_internals.layers import is_kerass_activation, is_kerass_operation

layers = keras.layers

_REPEATABLE = (
    layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense,
    layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization,
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.PReLU, layers.Softmax,
    layers.MaxPooling2D, layers.AveragePooling2D,
    layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D,
    layers.Flatten, layers.Reshape, layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D,
    layers.Rescaling, layers.Normalization,
    layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Concatenate,
)  # fmt: skip
"""The lowered layers that are neither random nor mix the images of a batch, unless they train."""

_REPEATABLE_OPERATIONS = ("Add", "Subtract", "Multiply", "Divide", "TrueDivide", "GetItem")
"""Of ``keras.ops``, called on images: how `preprocess_input` is part of many networks."""


@dataclass(frozen=True, eq=False)
class Split:
    """A program that is split in two.

    Attributes:
        frozen: computes the features: the values that the rest needs.
        rest: has as inputs the program's inputs, followed by the features.
    """

    frozen: Program
    rest: Program


def fix_untrained_weights(program: Program) -> Program:
    """Return the program with the weights that are not trained as constants, cast once."""
    return replace(program, nodes=tuple(map(_with_constants, program.nodes)))


def split_frozen(program: Program) -> Split | None:
    """Split off what a program computes before any random or trained operation.

    Args:
        program: one with constant weights; see `fix_untrained_weights`.

    Returns:
        None if that has no weight matrices, so that there is little to save.
    """
    fixed = set(range(program.num_inputs))
    frozen: list[Node] = []
    for node in program.nodes:
        if fixed.issuperset(node.inputs) and _is_repeatable(node):
            fixed.add(node.output)
            frozen.append(node)
    kernels = [w for node in frozen for w in node.weights or () if w is not None and w.ndim > 1]
    rest = [node for node in program.nodes if node.output not in fixed]
    if not kernels or not rest:
        return None
    needed = [index for node in rest for index in node.inputs] + list(program.outputs)
    computed = {node.output for node in frozen}
    features = tuple(dict.fromkeys(index for index in needed if index in computed))
    return Split(
        replace(program, nodes=tuple(frozen), outputs=features),
        _renumbered(program, rest, features),
    )


def _renumbered(program: Program, rest: list[Node], features: tuple[int, ...]) -> Program:
    """Return the nodes of the rest as a program whose inputs are followed by the features."""
    first = program.num_inputs
    new_indices = {index: first + number for number, index in enumerate(features)}

    def new_index(index: int) -> int:
        return index if index < first else new_indices.get(index, index + len(features))

    nodes = [
        replace(node, inputs=tuple(map(new_index, node.inputs)), output=new_index(node.output))
        for node in rest
    ]
    return replace(
        program,
        nodes=tuple(nodes),
        num_inputs=first + len(features),
        num_values=program.num_values + len(features),
        outputs=tuple(map(new_index, program.outputs)),
    )


def _with_constants(node: Node) -> Node:
    operation = node.operation
    if node.weights is not None or operation.changes_state or isinstance(operation, KerasCall):
        return node
    weights = operation.weights()
    if any(weight is not None and weight.requires_grad for weight in weights):
        return node
    return replace(node, weights=weights)


def _is_repeatable(node: Node) -> bool:
    if isinstance(node.operation, KerasCall):
        return _is_repeatable_operation(node.operation)
    if node.weights is None or node.operation.changes_state:
        return False
    if node.layer is None:
        return True  # a view that reorders axes
    activation: Callable[..., Any] | None = getattr(node.layer, "activation", None)
    is_kerass = activation is None or is_kerass_activation(activation)
    return type(node.layer) in _REPEATABLE and not node.layer.trainable_weights and is_kerass


def _is_repeatable_operation(run: KerasCall) -> bool:
    operation, arguments = run.call.layer, run.call.arguments
    if not is_kerass_operation(operation, _REPEATABLE_OPERATIONS):
        return False
    if type(operation).__name__ != "GetItem":
        return True
    key = arguments.args[1] if len(arguments.args) > 1 else arguments.kwargs.get("key")
    return isinstance(key, tuple) and key[0] is Ellipsis and len(key) == 2
