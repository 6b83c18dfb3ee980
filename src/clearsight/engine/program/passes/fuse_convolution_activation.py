"""Fuses a convolution with the activation after it, in evaluations."""

from dataclasses import replace

import torch

from clearsight.engine.operations.activation import function_of
from clearsight.engine.operations.convolution import Convolution
from clearsight.engine.operations.normalization import TORCH_ACTIVATIONS
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def fuse_convolution_activation(program: Program) -> Program:
    """Fuse each convolution with the ReLU, ReLU6, hard swish or swish after it.

    Only in evaluations, and in float32 only where a normalization was folded in, because the fused
    operation rounds differently.
    """
    return program if program.training else rewrite_pairs(program, _fuse)


def _fuse(convolution: Node, user: Node) -> tuple[Node, ...] | None:
    first, activation = convolution.operation, function_of(user.operation)
    if not isinstance(first, Convolution) or first.activation:
        return None
    if activation not in TORCH_ACTIVATIONS.values():
        return None
    if first.dtype is not torch.bfloat16 and first.normalization is None:
        return None
    fused = replace(first, activation=activation)
    return (replace(convolution, operation=fused, output=user.output),)
