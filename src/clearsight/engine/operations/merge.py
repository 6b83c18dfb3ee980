"""Merging of several values into one."""

from dataclasses import dataclass
from functools import reduce

import torch

from clearsight.engine.kernels.global_pooling import can_gate, gate_images
from clearsight.engine.operations.operation import Axes, Operation


@dataclass(frozen=True, eq=False)
class Addition(Operation):
    """The sum of all inputs."""

    input_axes: Axes = Axes.ANY

    def apply(self, *values: torch.Tensor) -> torch.Tensor:
        """Add."""
        return reduce(torch.add, in_one_dtype(values))


@dataclass(frozen=True, eq=False)
class Multiplication(Operation):
    """The product of all inputs; one of two may hold a number for each channel of each image."""

    input_axes: Axes = Axes.ANY

    def apply(self, *values: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        values = in_one_dtype(values)
        if len(values) == 2:
            for images, gates in (values, values[::-1]):
                if can_gate(images, gates):
                    return gate_images(images, gates)
        return reduce(torch.mul, values)


def in_one_dtype(values: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Cast to one type: that of 16 bits, if present, so that no float32 branch slows the rest."""
    types = {value.dtype for value in values}
    if len(types) == 1:
        return values
    narrow = min(types, key=lambda dtype: dtype.itemsize)
    dtype = narrow if narrow.itemsize == 2 else max(types, key=lambda dtype: dtype.itemsize)
    return tuple(value.to(dtype) for value in values)
