"""ReLU and softmax."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.operations.operation import Axes, Function, Operation, accumulation_dtype


@dataclass(frozen=True, eq=False)
class Relu(Operation):
    """The larger of 0 and each value."""

    input_axes: Axes = Axes.ANY

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """Replace negative values by 0."""
        return functional.relu(values)


def function_of(operation: Operation) -> Any:
    """Return the torch function of a `Relu` or a `Function`; None for any other operation."""
    if isinstance(operation, Relu):
        return functional.relu
    return operation.function if isinstance(operation, Function) else None


@dataclass(frozen=True, eq=False)
class Softmax(Operation):
    """Softmax over the last axis, in float32 at least: bfloat16 is too coarse for probabilities."""

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """Turn logits into probabilities."""
        return softmax(values, -1)


def softmax(values: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the softmax of values of any shape over an axis, in float32 at least."""
    return torch.softmax(values, axis, dtype=accumulation_dtype(values.dtype))
