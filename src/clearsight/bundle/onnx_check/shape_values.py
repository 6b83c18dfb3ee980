"""Values of small tensors, from which networks compute shapes: lengths, indices, scales."""

import math
from collections.abc import Callable

import numpy as np

from clearsight.bundle.onnx_check.call import OnnxCall
from clearsight.bundle.onnx_check.model import MAX_VALUES, Tensor
from clearsight.bundle.onnx_check.movement import constant_tensor, dimensions, slices


def _cast(call: OnnxCall) -> np.ndarray | None:
    types = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
    dtype = types.get(call.integer("to", 0))
    return None if dtype is None else call.values(0).astype(dtype)


def _divide(call: OnnxCall) -> np.ndarray:
    left, right = call.values(0), call.values(1)
    if left.dtype.kind == "f":
        return left / right
    if not right.all():
        raise ValueError("a shape is divided by zero")
    return np.sign(left) * np.sign(right) * (np.abs(left) // np.abs(right))  # towards zero


def _slice(call: OnnxCall) -> np.ndarray:
    values = call.values(0)
    for axis, kept in slices(call):
        values = np.take(values, list(kept), axis)
    return values


def _gather(call: OnnxCall) -> np.ndarray:
    values = call.values(0)
    axis = call.axis("axis", 0, values.ndim)
    return np.take(values, call.values(1), axis, mode="raise")


def _concat(call: OnnxCall) -> np.ndarray:
    parts = [call.values(index) for index in range(len(call.inputs))]
    return np.concatenate(parts, call.axis("axis", 0, parts[0].ndim))


def _transpose(call: OnnxCall) -> np.ndarray:
    return call.values(0).transpose(call.integers("perm"))


def _remainder(call: OnnxCall) -> np.ndarray:
    left, right = call.values(0), call.values(1)
    if not right.all():
        raise ValueError("a shape is divided by zero")
    return np.fmod(left, right) if call.integer("fmod", 0) else np.mod(left, right)


def _filled(call: OnnxCall) -> np.ndarray:
    value = call.node.attributes.get("value")
    fill = np.float32(0)
    if isinstance(value, Tensor):
        if value.values is None or value.values.size != 1:
            raise call.wrong("value")
        fill = value.values.reshape(())
    return np.full(tuple(call.numbers(0)), fill)


def _range(call: OnnxCall) -> np.ndarray | None:
    start, limit, step = (call.values(index).reshape(-1)[0] for index in range(3))
    is_whole = start.dtype.kind in "iu"  # fractions would be rounded otherwise
    return np.arange(start, limit, step, dtype=start.dtype) if is_whole else None


def _reduced(function: Callable[..., np.ndarray]) -> Callable[[OnnxCall], np.ndarray]:
    def compute(call: OnnxCall) -> np.ndarray:
        axes = call.given_numbers(1, "axes")
        axis = tuple(axes) if axes else None
        if axis is None and call.integer("noop_with_empty_axes", 0):
            return call.values(0)
        values = call.values(0)
        keeps = bool(call.integer("keepdims", 1))
        return function(values, axis=axis, keepdims=keeps).astype(values.dtype)

    return compute


def _each(function: Callable[..., np.ndarray]) -> Callable[[OnnxCall], np.ndarray]:
    """Apply a function of arrays to all inputs."""
    return lambda call: function(*(call.values(index) for index in range(len(call.inputs))))


def _same(call: OnnxCall) -> np.ndarray:
    return call.values(0)  # reshaped to the shape that is known


# Other operators' results are not followed. Results get the shape that the operator's rule gives.
_RULES: dict[str, Callable[[OnnxCall], np.ndarray | None]] = {
    "Constant": lambda call: constant_tensor(call).values,
    "Shape": lambda call: np.array(dimensions(call), np.int64),
    "Size": lambda call: np.array(math.prod(call.shape(0)), np.int64),
    "Cast": _cast,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Transpose": _transpose,
    "Tile": lambda call: np.tile(call.values(0), tuple(call.numbers(1))),
    "Expand": lambda call: np.broadcast_to(call.values(0), tuple(call.numbers(1))),
    **dict.fromkeys(("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"), _same),
    "Add": _each(np.add),
    "Sub": _each(np.subtract),
    "Mul": _each(np.multiply),
    "Div": _divide,
    "Mod": _remainder,
    "Min": _each(np.minimum),
    "Max": _each(np.maximum),
    "Neg": _each(np.negative),
    "Abs": _each(np.abs),
    "Sign": _each(np.sign),
    "Sqrt": _each(np.sqrt),
    "Floor": _each(np.floor),
    "Ceil": _each(np.ceil),
    "Equal": _each(np.equal),
    "Greater": _each(np.greater),
    "GreaterOrEqual": _each(np.greater_equal),
    "Less": _each(np.less),
    "LessOrEqual": _each(np.less_equal),
    "Not": _each(np.logical_not),
    "And": _each(np.logical_and),
    "Or": _each(np.logical_or),
    "Where": _each(np.where),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
}


def compute_values(call: OnnxCall, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the values of an operation's result, or None if they are not followed.

    Args:
        call: the operation.
        shape: of the result.
    """
    rule = _RULES.get(call.node.operator)
    is_known = all(each is None or each.values is not None for each in call.inputs)
    is_shape = call.node.operator in ("Shape", "Size")
    if rule is None or math.prod(shape) > MAX_VALUES or not (is_known or is_shape):
        return None
    with np.errstate(all="ignore"):
        values = rule(call)
    return None if values is None else np.asarray(values).reshape(shape)
