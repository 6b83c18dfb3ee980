"""Folds normalization by moving statistics into the weights of the convolution before it."""

from dataclasses import replace

from clearsight.engine.operations.convolution import Convolution
from clearsight.engine.operations.normalization import MovingNormalization
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def fold_normalization(program: Program) -> Program:
    """Fold normalizations in a program for evaluation, whose weights are made once."""
    return program if program.training else rewrite_pairs(program, _fold)


def _fold(convolution: Node, normalization: Node) -> tuple[Node, ...] | None:
    first, second = convolution.operation, normalization.operation
    if not isinstance(first, Convolution) or not isinstance(second, MovingNormalization):
        return None
    if first.normalization is not None:
        return None
    folded = replace(first, normalization=second)
    return (replace(convolution, operation=folded, output=normalization.output),)
