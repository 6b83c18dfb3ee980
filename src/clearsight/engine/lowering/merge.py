"""Add, Multiply, Average, Maximum and Concatenate."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch

from clearsight.engine.lowering.operation import Axes, CannotLowerError, Operation, Site


def add(layer: Any, site: Site) -> list[Operation]:
    """Lower Add."""
    return _elementwise(layer, site, lambda *values: reduce(torch.add, values))


def multiply(layer: Any, site: Site) -> list[Operation]:
    """Lower Multiply."""
    return _elementwise(layer, site, lambda *values: reduce(torch.mul, values))


def average(layer: Any, site: Site) -> list[Operation]:
    """Lower Average."""
    return _elementwise(layer, site, lambda *values: reduce(torch.add, values) / len(values))


def maximum(layer: Any, site: Site) -> list[Operation]:
    """Lower Maximum."""
    return _elementwise(layer, site, lambda *values: reduce(torch.maximum, values))


def concatenate(layer: Any, site: Site) -> list[Operation]:
    """Lower Concatenate over any axis but the batch's."""
    axis = layer.axis % site.rank
    if axis == 0:
        raise CannotLowerError("it joins batches")
    if site.rank == 4:
        # Joined as torch sees images, the result stays channels-last in memory.
        second = {1: 2, 2: 3, 3: 1}[axis]
        return [
            Operation(
                lambda *values: torch.cat(_one_type(values), second), takes=Axes.CHANNELS_SECOND
            )
        ]
    return [Operation(lambda *values: torch.cat(_one_type(values), axis))]


def _elementwise(layer: Any, site: Site, function: Callable[..., torch.Tensor]) -> list[Operation]:
    del layer
    if len({len(shape) for shape in site.input_shapes}) != 1:
        raise CannotLowerError("its inputs have different numbers of axes")
    return [Operation(lambda *values: function(*_one_type(values)), takes=Axes.ANY)]


def _one_type(values: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Cast to the narrowest type present, so that one float32 branch does not slow the rest."""
    types = {value.dtype for value in values}
    if len(types) == 1:
        return values
    narrow = min(types, key=lambda dtype: dtype.itemsize)
    return tuple(value.to(narrow) for value in values)
