"""Leaves the softmax that ends a model to the loss, which is computed on logits."""

from dataclasses import replace

from clearsight.engine.operations.activation import Softmax
from clearsight.engine.program.program import Program


def drop_softmax(program: Program) -> Program:
    """Drop a softmax that gives the model's only output and is used nowhere else."""
    if not program.nodes:
        return program
    *others, last = program.nodes
    is_end = program.outputs == (last.output,) and program.count_uses()[last.output] == 1
    if not is_end or not isinstance(last.operation, Softmax):
        return program
    return replace(program, nodes=tuple(others), outputs=last.inputs, ends_in_softmax=True)
