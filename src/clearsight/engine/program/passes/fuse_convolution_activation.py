"""Fuses a convolution with the activation after it, in evaluations."""

from dataclasses import replace
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.operations.activation import Relu
from clearsight.engine.operations.convolution import Convolution
from clearsight.engine.operations.operation import Function, Operation
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program

_ACTIVATIONS = (functional.relu6, functional.hardswish, functional.silu)


def fuse_convolution_activation(program: Program) -> Program:
    """Fuse each convolution with the ReLU, ReLU6, hard swish or swish after it.

    Only in evaluations, and in float32 only where a normalization was folded in, because the fused
    operation rounds differently.
    """
    return program if program.training else rewrite_pairs(program, _fuse)


def _fuse(convolution: Node, user: Node) -> tuple[Node, ...] | None:
    first, activation = convolution.operation, _activation_of(user.operation)
    if not isinstance(first, Convolution) or first.activation or activation is None:
        return None
    if first.dtype is not torch.bfloat16 and first.normalization is None:
        return None
    fused = replace(first, activation=activation)
    return (replace(convolution, operation=fused, output=user.output),)


def _activation_of(operation: Operation) -> Any:
    if isinstance(operation, Relu):
        return functional.relu
    function = operation.function if isinstance(operation, Function) else None
    return function if function in _ACTIVATIONS else None
