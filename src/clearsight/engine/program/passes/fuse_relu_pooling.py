"""Fuses ReLU with the max pooling after it, where there is a kernel for both."""

from dataclasses import replace

from clearsight.engine.operations.activation import Relu
from clearsight.engine.operations.pooling import MaxPooling2x2
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def fuse_relu_pooling(program: Program) -> Program:
    """Fuse each ReLU with the 2x2 max pooling after it."""
    return rewrite_pairs(program, _fuse)


def _fuse(relu: Node, pooling: Node) -> tuple[Node, ...] | None:
    operation = pooling.operation
    if not isinstance(relu.operation, Relu) or not isinstance(operation, MaxPooling2x2):
        return None
    return (replace(pooling, operation=replace(operation, rectified=True), inputs=relu.inputs),)
