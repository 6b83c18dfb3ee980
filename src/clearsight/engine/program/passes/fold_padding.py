"""Folds zeros around images into the convolution after them, which adds them without a copy."""

from dataclasses import replace

import torch

from clearsight.engine.kernels.convolution import NO_EDGES
from clearsight.engine.operations.convolution import Convolution
from clearsight.engine.operations.padding import ZeroPadding
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def fold_padding(program: Program) -> Program:
    """Fold each padding with zeros into a convolution without padding, in bfloat16."""
    return rewrite_pairs(program, _fold)


def _fold(padding: Node, convolution: Node) -> tuple[Node, ...] | None:
    first, second = padding.operation, convolution.operation
    if not isinstance(first, ZeroPadding) or not isinstance(second, Convolution):
        return None
    if second.edges != NO_EDGES or second.dtype is not torch.bfloat16:
        return None
    padded = replace(second, edges=first.edges)
    return (replace(convolution, operation=padded, inputs=padding.inputs),)
