"""Moves ReLU after max pooling, so that it runs on a fraction of the values.

The result is the same, because ReLU is monotonic.
"""

from dataclasses import replace

import torch
from torch.nn import functional

from clearsight.engine.operations.activation import Relu
from clearsight.engine.operations.pooling import Pooling
from clearsight.engine.program.passes.pairs import rewrite_pairs
from clearsight.engine.program.program import Node, Program


def move_relu(program: Program) -> Program:
    """Exchange each ReLU and the max pooling after it."""
    return rewrite_pairs(program, _exchange)


def _exchange(relu: Node, pooling: Node) -> tuple[Node, ...] | None:
    operation = pooling.operation
    if not isinstance(operation, Pooling) or operation.function is not functional.max_pool2d:
        return None
    # The exchange may change the order in which gradients of overlapping windows are summed.
    keeps_bits = operation.memory_format is not torch.channels_last
    if keeps_bits or not isinstance(relu.operation, Relu):
        return None
    return (
        replace(relu, operation=operation, layer=pooling.layer),
        replace(pooling, operation=relu.operation, layer=relu.layer),
    )
