"""Shapes and costs of convolutions, poolings, products and resizing.

The formulas are those of https://onnx.ai/onnx/operators/.
"""

import math

import numpy as np

from clearsight.bundle.onnx_check.call import OnnxCall, Shape, checked_axes


def convolution(call: OnnxCall) -> list[Shape]:
    """Conv: (N, C, *spatial) and (M, C / group, *kernel) to (N, M, *spatial)."""
    images, weights = call.shape(0), call.shape(1)
    if len(weights) != len(images) or len(images) < 3:
        raise call.wrong("rank")
    kernel = call.integers("kernel_shape", list(weights[2:]))
    if kernel != list(weights[2:]):
        raise call.wrong("kernel_shape")
    return [(images[0], weights[0], *_windows(call, images[2:], list(weights[2:])))]


def transposed_convolution(call: OnnxCall) -> list[Shape]:
    """ConvTranspose: (N, C, *spatial) and (C, M / group, *kernel) to (N, M, *spatial)."""
    images, weights = call.shape(0), call.shape(1)
    if len(weights) != len(images) or len(images) < 3 or "output_shape" in call.node.attributes:
        raise call.wrong("form")
    rank = len(images) - 2
    strides, dilations = _steps(call, "strides", rank), _steps(call, "dilations", rank)
    added = call.integers("output_padding", [0] * rank) or []
    mode = call.text("auto_pad", "NOTSET")
    pads = _pads(call, rank)
    if len(added) != rank or any(not 0 <= each < 2**31 for each in added):
        raise call.wrong("output_padding")
    spatial = []
    for axis, (length, size) in enumerate(zip(images[2:], weights[2:], strict=True)):
        if mode.startswith("SAME"):
            spatial.append(length * strides[axis])
            continue
        reach = (size - 1) * dilations[axis] + 1
        full = strides[axis] * (length - 1) + added[axis] + reach
        spatial.append(full if mode == "VALID" else full - pads[axis] - pads[axis + rank])
    group = call.integer("group", 1)
    if group < 1 or any(length < 0 for length in spatial):
        raise call.wrong("size")
    return [(images[0], weights[1] * group, *spatial)]


def pooling(call: OnnxCall) -> list[Shape]:
    """MaxPool, AveragePool, LpPool: (N, C, *spatial) to (N, C, *spatial), and to indices."""
    images = call.shape(0)
    kernel = call.integers("kernel_shape")
    if kernel is None or len(images) < 3 or len(kernel) != len(images) - 2:
        raise call.wrong("kernel_shape")
    shape = (*images[:2], *_windows(call, images[2:], kernel))
    return [shape] * len(call.node.outputs)


def global_pooling(call: OnnxCall) -> list[Shape]:
    """GlobalAveragePool and its like: (N, C, *spatial) to (N, C, 1, ...)."""
    images = call.shape(0)
    return [(*images[:2], *[1] * (len(images) - 2))]


def product(call: OnnxCall) -> list[Shape]:
    """MatMul: (..., I, K) and (..., K, J) to (..., I, J), as numpy's."""
    left, right = call.shape(0), call.shape(1)
    if not left or not right or left[-1] != right[-2 if len(right) > 1 else 0]:
        raise call.wrong("shape")
    rows = left[-2:-1]
    columns = right[-1:] if len(right) > 1 else ()
    return [(*broadcast(left[:-2], right[:-2]), *rows, *columns)]


def gemm(call: OnnxCall) -> list[Shape]:
    """Gemm: (I, K) and (K, J) to (I, J), either transposed."""
    left, right = call.shape(0), call.shape(1)
    if len(left) != 2 or len(right) != 2:
        raise call.wrong("rank")
    rows = left[1 if call.integer("transA", 0) else 0]
    columns = right[0 if call.integer("transB", 0) else 1]
    return [(rows, columns)]


def einsum(call: OnnxCall) -> list[Shape]:
    """Einsum without an ellipsis."""
    lengths, result = _einsum_lengths(call)
    return [tuple(lengths[letter] for letter in result)]


def resize(call: OnnxCall) -> list[Shape]:
    """Resize to sizes or by scales."""
    images, attributes = call.shape(0), call.node.attributes
    is_plain = attributes.get("keep_aspect_ratio_policy", "stretch") == "stretch"
    if not is_plain or attributes.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        raise call.wrong("mode")
    axes = checked_axes(call.integers("axes") or list(range(len(images))), len(images))
    shape = list(images)
    if call.has(3) and call.shape(3) != (0,):
        given = [float(size) for size in call.numbers(3)]
    else:
        scales = call.values(2).reshape(-1).tolist()
        if len(scales) != len(axes):
            raise call.wrong("scale")
        # Multiplied in float32, as ONNX Runtime does.
        lengths = np.array([images[axis] for axis in axes], np.float32)
        given = (lengths * np.array(scales, np.float32)).tolist()
    if len(given) != len(axes) or not all(0 <= length < 2**62 for length in given):
        raise call.wrong("size")
    for axis, length in zip(axes, given, strict=True):
        shape[axis] = math.floor(length)
    return [tuple(shape)]


def work(call: OnnxCall, outputs: list[Shape]) -> int:
    """Return the multiplications or comparisons of an operation besides one for each output."""
    operator, size = call.node.operator, math.prod(outputs[0])
    if operator == "Conv":
        return size * math.prod(call.shape(1)[1:])
    if operator == "ConvTranspose":
        return math.prod(call.shape(0)) * math.prod(call.shape(1)[1:])
    if operator in ("MaxPool", "AveragePool", "LpPool"):
        return size * math.prod(call.integers("kernel_shape") or [])
    if operator == "MatMul":
        return size * call.shape(0)[-1]
    if operator == "Gemm":
        return size * call.shape(0)[0 if call.integer("transA", 0) else 1]
    if operator == "Einsum":
        return math.prod(_einsum_lengths(call)[0].values())
    if operator == "Resize":
        # A window when it is made smaller, with antialiasing; 16 values at least, of a cubic.
        return math.prod(max(a, 4 * b) for a, b in zip(call.shape(0), outputs[0], strict=True))
    return 0


def workspace(call: OnnxCall) -> int:
    """Return the values that an operation holds in memory besides its inputs and outputs."""
    if call.node.operator == "ConvTranspose":  # one image, each pixel spread over its window
        group = call.integer("group", 1)
        return math.prod(call.shape(0)[2:]) * math.prod(call.shape(1)[1:]) * group
    if call.node.operator == "Einsum":
        return math.prod(_einsum_lengths(call)[0].values())
    return 0


def broadcast(*shapes: Shape) -> Shape:
    """Return the shape to which shapes are broadcast, as numpy does.

    Raises:
        ValueError: if they do not fit.
    """
    result: list[int] = []
    for position in range(1, max(map(len, shapes), default=0) + 1):
        lengths = {shape[-position] for shape in shapes if len(shape) >= position} - {1}
        if len(lengths) > 1:
            found = " and ".join(map(str, shapes[:3]))
            raise ValueError(f"the shapes {found} do not fit")
        result.append(lengths.pop() if lengths else 1)
    return tuple(reversed(result))


def _einsum_lengths(call: OnnxCall) -> tuple[dict[str, int], str]:
    """Return the length of each letter of an equation, and the letters of its result."""
    equation = call.text("equation", "").replace(" ", "")
    given, arrow, result = equation.partition("->")
    terms = given.split(",")
    if len(terms) != len(call.inputs) or not all(each.isalpha() for each in terms if each):
        raise call.wrong("equation")
    lengths: dict[str, int] = {}
    for term, shape in zip(terms, call.shapes, strict=True):
        if len(term) != len(shape):
            raise call.wrong("equation")
        for letter, length in zip(term, shape, strict=True):
            lengths[letter] = max(length, lengths.get(letter, 1))
    if not arrow:
        joined = "".join(terms)
        result = "".join(sorted(letter for letter in lengths if joined.count(letter) == 1))
    if not set(result) <= set(lengths) or len(set(result)) != len(result):
        raise call.wrong("equation")
    return lengths, result


def _windows(call: OnnxCall, spatial: Shape, kernel: list[int]) -> list[int]:
    """Return how many windows there are on each axis."""
    rank = len(spatial)
    strides, dilations = _steps(call, "strides", rank), _steps(call, "dilations", rank)
    pads, mode = _pads(call, rank), call.text("auto_pad", "NOTSET")
    if any(size < 1 for size in kernel):
        raise call.wrong("kernel_shape")
    counts = []
    for axis, length in enumerate(spatial):
        if mode.startswith("SAME"):
            counts.append(-(-length // strides[axis]))
            continue
        padding = 0 if mode == "VALID" else pads[axis] + pads[axis + rank]
        left = length + padding - ((kernel[axis] - 1) * dilations[axis] + 1)
        count = left // strides[axis] + 1
        if call.integer("ceil_mode", 0) and left % strides[axis]:
            # One more, if it begins inside of the image.
            count += count * strides[axis] < length + pads[axis]
        counts.append(count)
    if any(count < 0 for count in counts):
        raise call.wrong("size")
    return counts


def _steps(call: OnnxCall, name: str, rank: int) -> list[int]:
    steps = call.integers(name, [1] * rank) or []
    if len(steps) != rank or any(step < 1 for step in steps):
        raise call.wrong(name)
    return steps


def _pads(call: OnnxCall, rank: int) -> list[int]:
    pads = call.integers("pads", [0] * 2 * rank) or []
    if len(pads) != 2 * rank or any(pad < 0 for pad in pads):
        raise call.wrong("pads")
    return pads
