"""`rewrite_pairs`: replacing a node and the only node that uses its output."""

from collections.abc import Callable
from dataclasses import replace

from clearsight.engine.program.program import Node, Program

Pattern = Callable[[Node, Node], tuple[Node, ...] | None]
"""Takes a node and its only user; returns two nodes, or one for both, that replace them, or None
where it does not match."""


def rewrite_pairs(program: Program, pattern: Pattern) -> Program:
    """Apply a pattern to every node and the node that gives its first input, in order.

    A pair is left as it is if the value between its nodes is used elsewhere too, or is an output.
    """
    nodes: list[Node | None] = list(program.nodes)
    uses = program.count_uses()
    index_of = {node.output: index for index, node in enumerate(program.nodes)}
    for index, user in enumerate(program.nodes):
        before = index_of.get(user.inputs[0])
        producer = None if before is None else nodes[before]
        if before is None or producer is None or uses[producer.output] != 1:
            continue
        replacement = pattern(producer, user)
        if replacement is not None:
            *first, nodes[index] = replacement
            nodes[before] = first[0] if first else None
    return replace(program, nodes=tuple(node for node in nodes if node is not None))
