"""ReLU moves behind max pooling, so that it runs on a fraction of the values.

The largest of the positive parts is the positive part of the largest.
"""

from dataclasses import replace

from torch.nn import functional

from clearsight.engine.operations.activation import Relu
from clearsight.engine.operations.pooling import Pooling
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def move_relu(program: Program) -> Program:
    """Exchange each ReLU and the max pooling behind it."""
    return rewrite_pairs(program, _exchange)


def _exchange(relu: Node, pooling: Node) -> tuple[Node, ...] | None:
    operation = pooling.operation
    is_max = isinstance(operation, Pooling) and operation.function is functional.max_pool2d
    if not is_max or not isinstance(relu.operation, Relu):
        return None
    return (
        replace(relu, operation=operation, layer=pooling.layer),
        replace(pooling, operation=relu.operation, layer=relu.layer),
    )
