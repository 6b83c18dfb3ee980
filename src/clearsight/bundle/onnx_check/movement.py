"""Shapes of operators that move, repeat, join or cut tensors, or make new ones.

The formulas are those of https://onnx.ai/onnx/operators/.
"""

import math

import numpy as np

from clearsight.bundle.onnx_check.call import OnnxCall, Shape, checked_axes
from clearsight.bundle.onnx_check.model import Tensor
from clearsight.bundle.onnx_check.windows import broadcast

_TO_THE_LAST = (2**31 - 1, 2**63 - 1)  # the end of a Slice in either direction
_MAX_LENGTH = 2**62  # of an axis; more cannot be a 64-bit number


def reshaped(call: OnnxCall) -> list[Shape]:
    """Reshape: 0 keeps a length, -1 is what is left."""
    given, wanted = call.shape(0), call.numbers(1)
    if not call.integer("allowzero", 0):
        if any(each == 0 for each in wanted[len(given) :]):
            raise call.wrong("shape")
        wanted = [given[axis] if each == 0 else each for axis, each in enumerate(wanted)]
    known, total = math.prod(each for each in wanted if each != -1), math.prod(given)
    if wanted.count(-1) == 1 and known:
        wanted[wanted.index(-1)] = total // known
    if any(each < 0 for each in wanted) or math.prod(wanted) != total:
        raise call.wrong("shape")
    return [tuple(wanted)]


def flattened(call: OnnxCall) -> list[Shape]:
    """Flatten to two axes."""
    given = call.shape(0)
    axis = call.integer("axis", 1)
    if not -len(given) <= axis <= len(given):
        raise call.wrong("axis")
    axis += len(given) * (axis < 0)
    return [(math.prod(given[:axis]), math.prod(given[axis:]))]


def transpose(call: OnnxCall) -> list[Shape]:
    """Transpose."""
    given = call.shape(0)
    order = call.integers("perm", list(reversed(range(len(given))))) or []
    if sorted(order) != list(range(len(given))):
        raise call.wrong("perm")
    return [tuple(given[axis] for axis in order)]


def concat(call: OnnxCall) -> list[Shape]:
    """Concat along one axis."""
    first, *others = call.shapes
    axis = call.axis("axis", 0, len(first))
    length = first[axis]
    for shape in others:
        if len(shape) != len(first):
            raise call.wrong("rank")
        length += shape[axis]
    return [(*first[:axis], length, *first[axis + 1 :])]


def split(call: OnnxCall) -> list[Shape]:
    """Split along one axis, into given lengths or equal parts."""
    given, count = call.shape(0), len(call.node.outputs)
    axis = call.axis("axis", 0, len(given))
    lengths = call.given_numbers(1, "split")
    if lengths is None:
        part = -(-given[axis] // count)
        lengths = [part] * (count - 1) + [given[axis] - part * (count - 1)]
    if len(lengths) != count or sum(lengths) != given[axis] or min(lengths) < 0:
        raise call.wrong("split")
    return [(*given[:axis], length, *given[axis + 1 :]) for length in lengths]


def slice_(call: OnnxCall) -> list[Shape]:
    """Slice."""
    shape = list(call.shape(0))
    for axis, kept in slices(call):
        shape[axis] = len(kept)
    return [tuple(shape)]


def slices(call: OnnxCall) -> list[tuple[int, range]]:
    """Return the axes of a Slice, and which indices of each are kept.

    Raises:
        ValueError: if they do not fit.
    """
    given, starts, ends = call.shape(0), call.numbers(1), call.numbers(2)
    axes = call.numbers(3) if call.has(3) else list(range(len(starts)))
    steps = call.numbers(4) if call.has(4) else [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise call.wrong("form")
    axes = checked_axes(axes, len(given))
    kept = [_kept(given[axis], *cut) for axis, *cut in zip(axes, starts, ends, steps, strict=True)]
    return list(zip(axes, kept, strict=True))


def _kept(length: int, start: int, end: int, step: int) -> range:
    """Return the indices of a slice, whose limits are not quite Python's."""
    last = length - 1 if step < 0 else length
    first = min(max(start + length * (start < 0), 0), last)
    if end in _TO_THE_LAST:
        return range(first, -1 if step < 0 else length, step)
    return range(first, min(max(end + length * (end < 0), -1 if step < 0 else 0), length), step)


def padded(call: OnnxCall) -> list[Shape]:
    """Pad, or cut off where the number is negative."""
    shape, pads = list(call.shape(0)), call.given_numbers(1, "pads") or []
    axes = call.numbers(3) if call.has(3) else list(range(len(shape)))
    if len(pads) != 2 * len(axes):
        raise call.wrong("pads")
    for index, axis in enumerate(checked_axes(axes, len(shape))):
        shape[axis] += pads[index] + pads[index + len(axes)]
        if shape[axis] < 0:
            raise call.wrong("pads")
    return [tuple(shape)]


def squeeze(call: OnnxCall) -> list[Shape]:
    """Squeeze."""
    given = call.shape(0)
    axes = call.given_numbers(1, "axes")
    if axes is None:
        return [tuple(length for length in given if length != 1)]
    dropped = checked_axes(axes, len(given))
    if any(given[axis] != 1 for axis in dropped):
        raise call.wrong("axes")
    return [tuple(length for axis, length in enumerate(given) if axis not in dropped)]


def unsqueeze(call: OnnxCall) -> list[Shape]:
    """Unsqueeze."""
    given, axes = call.shape(0), call.given_numbers(1, "axes") or []
    rank = len(given) + len(axes)
    new, lengths = set(checked_axes(axes, rank)), iter(given)
    return [tuple(1 if axis in new else next(lengths) for axis in range(rank))]


def gather(call: OnnxCall) -> list[Shape]:
    """Gather along one axis."""
    given, indices = call.shape(0), call.shape(1)
    axis = call.axis("axis", 0, len(given))
    return [(*given[:axis], *indices, *given[axis + 1 :])]


def gather_nd(call: OnnxCall) -> list[Shape]:
    """GatherND."""
    given, indices, batch = call.shape(0), call.shape(1), call.integer("batch_dims", 0)
    if not indices or batch < 0 or batch + indices[-1] > len(given):
        raise call.wrong("shape")
    return [(*indices[:-1], *given[batch + indices[-1] :])]


def expand(call: OnnxCall) -> list[Shape]:
    """Expand by broadcasting."""
    return [broadcast(call.shape(0), tuple(lengths(call, 1)))]


def tile(call: OnnxCall) -> list[Shape]:
    """Tile."""
    given, repeats = call.shape(0), lengths(call, 1)
    if len(repeats) != len(given):
        raise call.wrong("repeats")
    return [tuple(length * count for length, count in zip(given, repeats, strict=True))]


def shape_of(call: OnnxCall) -> list[Shape]:
    """Shape, or part of it."""
    return [(len(dimensions(call)),)]


def single(call: OnnxCall) -> list[Shape]:
    """Size, a single number."""
    del call
    return [()]


def dimensions(call: OnnxCall) -> Shape:
    """Return the result of a Shape."""
    given = call.shape(0)
    return given[call.integer("start", 0) : call.integer("end", len(given))]


def filled(call: OnnxCall) -> list[Shape]:
    """ConstantOfShape."""
    return [tuple(lengths(call, 0))]


def constant(call: OnnxCall) -> list[Shape]:
    """Constant, of a tensor or numbers."""
    return [constant_tensor(call).shape]


def constant_tensor(call: OnnxCall) -> Tensor:
    """Return the value of a Constant.

    Raises:
        ValueError: if it is neither a tensor nor numbers.
    """
    attributes = call.node.attributes
    name = next(iter(attributes), "")
    value = attributes.get(name)
    types = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32,
             "value_floats": np.float32}  # fmt: skip
    if len(attributes) == 1 and name == "value" and isinstance(value, Tensor):
        return value
    if len(attributes) != 1 or name not in types or isinstance(value, str | Tensor):
        raise call.wrong("value")
    values = np.asarray(value, types[name])
    return Tensor(values.shape, values, is_constant=True)


def range_(call: OnnxCall) -> list[Shape]:
    """Range."""
    start, limit, step = (call.values(index).reshape(-1).tolist()[0] for index in range(3))
    if not step or not all(map(math.isfinite, (start, limit, step))):
        raise call.wrong("delta")
    return [(max(math.ceil((limit - start) / step), 0),)]


def one_hot(call: OnnxCall) -> list[Shape]:
    """OneHot."""
    indices, (depth, *_) = call.shape(0), lengths(call, 1)
    axis = call.axis("axis", -1, len(indices) + 1)
    return [(*indices[:axis], depth, *indices[axis:])]


def top_k(call: OnnxCall) -> list[Shape]:
    """TopK: values and indices."""
    given, (count, *_) = call.shape(0), lengths(call, 1)
    axis = call.axis("axis", -1, len(given))
    return [(*given[:axis], count, *given[axis + 1 :])] * 2


def depth_to_space(call: OnnxCall) -> list[Shape]:
    """DepthToSpace: (N, C, H, W)."""
    count, channels, height, width = _four(call)
    size = call.integer("blocksize", 0)
    if size < 1 or channels % size**2:
        raise call.wrong("blocksize")
    return [(count, channels // size**2, height * size, width * size)]


def space_to_depth(call: OnnxCall) -> list[Shape]:
    """SpaceToDepth: (N, C, H, W)."""
    count, channels, height, width = _four(call)
    size = call.integer("blocksize", 0)
    if size < 1 or height % size or width % size:
        raise call.wrong("blocksize")
    return [(count, channels * size**2, height // size, width // size)]


def reduced(call: OnnxCall) -> list[Shape]:
    """ReduceMean and its like."""
    given = call.shape(0)
    axes = call.given_numbers(1, "axes")
    if not axes:
        if call.integer("noop_with_empty_axes", 0):
            return [given]
        axes = list(range(len(given)))
    return [_without(given, checked_axes(axes, len(given)), bool(call.integer("keepdims", 1)))]


def reduced_to_index(call: OnnxCall) -> list[Shape]:
    """ArgMax and ArgMin."""
    given = call.shape(0)
    axis = call.axis("axis", 0, len(given))
    return [_without(given, [axis], bool(call.integer("keepdims", 1)))]


def lengths(call: OnnxCall, index: int) -> list[int]:
    """Return an input whose values are lengths.

    Raises:
        ValueError: if they cannot be.
    """
    found = call.numbers(index)
    if any(not 0 <= length < _MAX_LENGTH for length in found):
        raise call.wrong("length")
    return found


def _without(given: Shape, axes: list[int], keeps: bool) -> Shape:
    kept = [1 if axis in axes else length for axis, length in enumerate(given)]
    return tuple(length for axis, length in enumerate(kept) if keeps or axis not in axes)


def _four(call: OnnxCall) -> Shape:
    given = call.shape(0)
    if len(given) != 4:
        raise call.wrong("rank")
    return given
