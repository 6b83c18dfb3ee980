"""Operations of `keras.ops` in a model's graph, such as ``x + y`` and ``x[:, 0]``.

Those that leave the batch on the first axis and do not mix its images are lowered; Keras runs all
others.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from clearsight.engine.lowering.merge import concatenate
from clearsight.engine.lowering.site import CannotLowerError, Site, TensorArgument
from clearsight.engine.operations.merge import Addition, Multiplication, in_one_dtype
from clearsight.engine.operations.operation import Axes, Function, Operation, Permute
from clearsight.models.keras_internals.names import TENSOR_OPERATIONS

Lowering = Callable[[Any, Site], list[Operation]]


def lower_tensor_operation(operation: Any, site: Site) -> list[Operation]:
    """Return the operations of torch that compute an operation of Keras's.

    Raises:
        CannotLowerError: if Keras must run it.
    """
    lowering = _LOWERINGS.get(type(operation))
    if lowering is None or "call" in vars(operation):
        raise CannotLowerError("the engine does not know it")
    return lowering(operation, site)


def _elementwise(function: Callable[[Any, Any], torch.Tensor], merged: Operation) -> Lowering:
    def lower(operation: Any, site: Site) -> list[Operation]:
        del operation
        first, second = site.arguments["x1"], site.arguments["x2"]
        if isinstance(first, TensorArgument) and isinstance(second, TensorArgument):
            if len({len(shape) for shape in site.input_shapes}) == 1:
                return [merged]
        elif isinstance(second, int | float):
            return [Function(lambda values: function(values, second), input_axes=Axes.ANY)]
        elif isinstance(first, int | float):
            number = torch.tensor(float(first), dtype=torch.float64)
            return [
                Function(
                    lambda values: function(number.to(values.dtype), values), input_axes=Axes.ANY
                )
            ]
        raise CannotLowerError(
            "it combines neither two tensors of the same rank, nor a tensor and a number"
        )

    return lower


def _difference(*values: torch.Tensor) -> torch.Tensor:
    return torch.sub(*in_one_dtype(values))


def _concatenate(operation: Any, site: Site) -> list[Operation]:
    if not all(isinstance(value, TensorArgument) for value in site.arguments["xs"]):
        raise CannotLowerError("it joins constants")
    return concatenate(operation, site)


def _reshape(operation: Any, site: Site) -> list[Operation]:
    shape = operation.newshape
    target = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    given = [size for size in site.input_shapes[0] if size is not None]
    rest = target[1:]
    if len(given) != site.rank - 1 or not all(isinstance(size, int) for size in target):
        raise CannotLowerError("its shape is not fixed")
    if target[0] != -1 or -1 in rest or math.prod(rest) != math.prod(given):
        raise CannotLowerError("it mixes images")
    return [Function(lambda values: values.reshape(values.shape[0], *rest))]


def _transpose(operation: Any, site: Site) -> list[Operation]:
    axes = tuple(axis % site.rank for axis in operation.axes or range(site.rank)[::-1])
    if axes[0] != 0:
        raise CannotLowerError("it moves the batch axis")
    return [Permute(axes)]


def _get_item(operation: Any, site: Site) -> list[Operation]:
    del operation
    key = site.arguments["key"]
    key = tuple(key) if isinstance(key, list | tuple) else (key,)
    if key[0] != slice(None) or not all(map(_is_simple, key[1:])):
        raise CannotLowerError(
            "it selects images, or uses something else than plain slices and integers"
        )
    return [Function(lambda values: values[key])]


def _is_simple(key: Any) -> bool:
    if isinstance(key, slice):
        return key.step is None or (isinstance(key.step, int) and key.step > 0)
    return key is None or key is Ellipsis or (isinstance(key, int) and not isinstance(key, bool))


def _mean(operation: Any, site: Site) -> list[Operation]:
    axes = [axis % site.rank for axis in operation.axis or [0]]
    keepdims = bool(operation.keepdims)
    if 0 in axes:
        raise CannotLowerError("it mixes images")
    return [Function(lambda values: values.mean(axes, keepdim=keepdims))]


_LOWERINGS: dict[type, Lowering] = {
    TENSOR_OPERATIONS["Add"]: _elementwise(torch.add, Addition()),
    TENSOR_OPERATIONS["Subtract"]: _elementwise(
        torch.sub, Function(_difference, input_axes=Axes.ANY)
    ),
    TENSOR_OPERATIONS["Multiply"]: _elementwise(torch.mul, Multiplication()),
    TENSOR_OPERATIONS["Concatenate"]: _concatenate,
    TENSOR_OPERATIONS["Reshape"]: _reshape,
    TENSOR_OPERATIONS["Transpose"]: _transpose,
    TENSOR_OPERATIONS["GetItem"]: _get_item,
    TENSOR_OPERATIONS["Mean"]: _mean,
}
