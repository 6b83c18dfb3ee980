"""Add, Multiply, Average, Maximum and Concatenate."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch

from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.merge import Addition, Multiplication, in_one_dtype
from clearsight.engine.operations.operation import Axes, Function, Operation


def add(layer: Any, site: Site) -> list[Operation]:
    """Lower Add."""
    del layer
    _check_ranks(site)
    return [Addition()]


def multiply(layer: Any, site: Site) -> list[Operation]:
    """Lower Multiply."""
    del layer
    _check_ranks(site)
    return [Multiplication()]


def elementwise(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], *, mean: bool = False
) -> Callable[[Any, Site], list[Operation]]:
    """Return the lowering of a layer that combines its inputs value by value.

    Args:
        function: combines two inputs.
        mean: whether the result is divided by the number of inputs.
    """

    def merge(*values: torch.Tensor) -> torch.Tensor:
        merged = reduce(function, in_one_dtype(values))
        return merged / len(values) if mean else merged

    def lower(layer: Any, site: Site) -> list[Operation]:
        del layer
        _check_ranks(site)
        return [Function(merge, input_axes=Axes.ANY)]

    return lower


def concatenate(layer: Any, site: Site) -> list[Operation]:
    """Lower Concatenate over any axis but the batch's."""
    axis = layer.axis % site.rank
    input_axes = Axes.KERAS
    if axis == 0:
        raise CannotLowerError("it joins batches")
    if site.rank == 4 and not site.keeps_bits:
        # Joined with channels second, the result stays channels-last in memory. In Keras's order it
        # lies in memory as in Keras.
        axis, input_axes = {1: 2, 2: 3, 3: 1}[axis], Axes.CHANNELS_SECOND
    return [Function(lambda *values: torch.cat(in_one_dtype(values), axis), input_axes=input_axes)]


def _check_ranks(site: Site) -> None:
    if len({len(shape) for shape in site.input_shapes}) != 1:
        raise CannotLowerError("its inputs have different numbers of axes")
