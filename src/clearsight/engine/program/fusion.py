"""Fusions that keep the mathematics and save work.

ReLU moves behind max pooling (the largest of the positive parts is the positive part of the
largest), so that it runs on a fraction of the values; a network's first convolution takes in the
pooling behind it; a normalization with fixed statistics is
folded into the convolution before it; the softmax that ends a model is left to the loss.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clearsight.engine.program.program import Step


def fused(
    steps: list[Step], outputs: tuple[int, ...], *, training: bool
) -> tuple[list[Step], bool]:
    """Return equivalent steps, and whether the last one is the softmax that ends the model.

    Args:
        steps: in an order in which they can run.
        outputs: numbers of the values that the model gives.
        training: whether gradients will be taken; folding is for evaluation only.
    """
    uses = Counter(place for step in steps for place in step.inputs)
    uses.update(outputs)
    steps = _pooled_convolutions(_pool_before_relu(steps, uses), uses)
    if not training:
        steps = _folded(steps, uses)
    ends_in_softmax = (
        len(outputs) == 1
        and bool(steps)
        and steps[-1].operation.kind == "softmax"
        and steps[-1].output == outputs[0]
        and uses[outputs[0]] == 1
    )
    return steps, ends_in_softmax


def _pool_before_relu(steps: list[Step], uses: Counter[int]) -> list[Step]:
    """Exchange ReLU and the max pooling that alone takes its values, or make one of the two."""
    steps = list(steps)
    joined = []
    place_of = {step.output: index for index, step in enumerate(steps)}
    for index, pool in enumerate(steps):
        if pool.operation.kind != "max_pool":
            continue
        before = place_of.get(pool.inputs[0])
        if before is None or steps[before].operation.kind != "relu":
            continue
        relu = steps[before]
        if uses[relu.output] != 1:
            continue
        if pool.operation.with_relu is not None:
            both = replace(pool.operation, apply=pool.operation.with_relu, kind="relu_max_pool")
            steps[index] = replace(pool, operation=both, inputs=relu.inputs)
            joined.append(before)
            continue
        steps[before] = replace(relu, operation=pool.operation, layer=pool.layer)
        steps[index] = replace(pool, operation=relu.operation, layer=relu.layer)
    return [step for index, step in enumerate(steps) if index not in joined]


def _pooled_convolutions(steps: list[Step], uses: Counter[int]) -> list[Step]:
    """Make one of a convolution and the pooling that alone takes its output."""
    steps = list(steps)
    joined = []
    place_of = {step.output: index for index, step in enumerate(steps)}
    for index, pool in enumerate(steps):
        before = place_of.get(pool.inputs[0])
        if pool.operation.with_relu is None or before is None:
            continue
        convolution = steps[before]
        if convolution.operation.pooled is None or uses[convolution.output] != 1:
            continue
        operation = convolution.operation.pooled(pool.operation.kind == "relu_max_pool")
        steps[index] = replace(convolution, operation=operation, output=pool.output)
        joined.append(before)
    return [step for index, step in enumerate(steps) if index not in joined]


def _folded(steps: list[Step], uses: Counter[int]) -> list[Step]:
    """Fold each normalization into the convolution whose output it alone takes."""
    kept: list[Step] = []
    place_of: dict[int, int] = {}
    for step in steps:
        affine = step.operation.affine
        before = place_of.get(step.inputs[0]) if affine is not None else None
        if affine is not None and before is not None:
            convolution = kept[before]
            absorb = convolution.operation.absorb
            if absorb is not None and uses[convolution.output] == 1:
                kept[before] = replace(convolution, operation=absorb(affine), output=step.output)
                place_of[step.output] = before
                continue
        place_of[step.output] = len(kept)
        kept.append(step)
    return kept
