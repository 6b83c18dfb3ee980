"""Fuses batch normalization with the activation after it, where there is a kernel for both."""

from dataclasses import replace

import torch

from clearsight.engine.kernels.batch_normalization import Activation
from clearsight.engine.operations.activation import function_of
from clearsight.engine.operations.normalization import TORCH_ACTIVATIONS, Normalization
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program

_ACTIVATIONS = {function: activation for activation, function in TORCH_ACTIVATIONS.items()}
_NEEDS_ONLY_OUTPUT = (Activation.RELU, Activation.RELU6)


def fuse_normalization_activation(program: Program) -> Program:
    """Fuse each normalization with the activation after it, in training.

    In an evaluation the normalization is folded into the convolution before it.
    """
    return rewrite_pairs(program, _fuse) if program.training else program


def _fuse(normalization: Node, user: Node) -> tuple[Node, ...] | None:
    operation = normalization.operation
    activation = _ACTIVATIONS.get(function_of(user.operation))
    if not isinstance(operation, Normalization) or activation is None:
        return None
    if operation.dtype is not torch.bfloat16 or operation.activation:
        return None
    # Gradients of other activations need their input, which the kernel does not keep.
    if operation.adds_residual and activation not in _NEEDS_ONLY_OUTPUT:
        return None
    both = replace(operation, activation=activation)
    return (replace(normalization, operation=both, output=user.output),)
