"""Fuses batch normalization with the addition after it, where there is a kernel for both."""

from dataclasses import replace

import torch

from clearsight.engine.operations.merge import Addition
from clearsight.engine.operations.normalization import Normalization
from clearsight.engine.program.program import Node, Program


def fuse_normalization_addition(program: Program) -> Program:
    """Fuse each addition of two values with a normalization whose output is one of them.

    Only in training; in an evaluation a normalization is folded into the convolution before it. If
    both values are outputs of normalizations, the second is fused, as in the blocks of a ResNet.
    """
    if not program.training:
        return program
    uses = program.count_uses()
    nodes = {node.output: node for node in program.nodes}
    for addition in program.nodes:
        if not isinstance(addition.operation, Addition) or len(addition.inputs) != 2:
            continue
        for value, other in (addition.inputs[::-1], addition.inputs):
            normalization = nodes.get(value)
            if normalization is not None and uses[value] == 1 and _is_unfused(normalization):
                both = replace(normalization.operation, adds_residual=True)
                inputs = (*normalization.inputs, other)
                del nodes[value]
                nodes[addition.output] = replace(
                    normalization, operation=both, inputs=inputs, output=addition.output
                )
                break
    in_order = (nodes.get(node.output) for node in program.nodes)
    return replace(program, nodes=tuple(node for node in in_order if node is not None))


def _is_unfused(node: Node) -> bool:
    operation = node.operation
    return (
        isinstance(operation, Normalization)
        and operation.dtype is torch.bfloat16
        and not operation.adds_residual
        and not operation.activation
    )
