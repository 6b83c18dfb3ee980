"""Fuses batch normalization with the activation after it, where there is a kernel for both."""

from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.batch_normalization import Activation
from clearsight.engine.operations.activation import Relu
from clearsight.engine.operations.normalization import Normalization
from clearsight.engine.operations.operation import Function, Operation
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program

_ACTIVATIONS: dict[Any, Activation] = {
    functional.relu6: Activation.RELU6,
    functional.hardswish: Activation.HARD_SWISH,
    functional.silu: Activation.SWISH,
}
_NEEDS_ONLY_OUTPUT = (Activation.RELU, Activation.RELU6)


def fuse_normalization_activation(program: Program) -> Program:
    """Fuse each normalization with the activation after it, in training.

    In an evaluation the normalization is folded into the convolution before it.
    """
    return rewrite_pairs(program, _fuse) if program.training else program


def _fuse(normalization: Node, user: Node) -> tuple[Node, ...] | None:
    operation, activation = normalization.operation, _activation_of(user.operation)
    if not isinstance(operation, Normalization) or activation is None:
        return None
    if operation.dtype is not torch.bfloat16 or operation.activation:
        return None
    # Gradients of other activations need their input, which the kernel does not keep.
    if operation.adds_residual and activation not in _NEEDS_ONLY_OUTPUT:
        return None
    both = replace(operation, activation=activation)
    return (replace(normalization, operation=both, output=user.output),)


def _activation_of(operation: Operation) -> Activation | None:
    if isinstance(operation, Relu):
        return Activation.RELU
    return _ACTIVATIONS.get(operation.function) if isinstance(operation, Function) else None
