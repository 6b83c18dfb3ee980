"""Output size, parameter count and multiply-adds of each layer, with the formulas written out.

The formulas follow Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
https://arxiv.org/abs/1603.07285, with Keras's asymmetric "same" padding if strides require it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras
from clearsight.models.graph import Call
from clearsight.models.windows import get_windows, spatial_size

layers = keras.layers


@dataclass(frozen=True)
class Arithmetic:
    """The numbers of one call of a layer.

    Attributes:
        size: formula of the output size, e.g. "floor((28 + 2*1 - 3)/1) + 1 = 28".
        parameters: formula of the parameter count, e.g. "(3*3*1 + 1)*32 = 320"; "" for none.
        multiply_adds: multiplications with weights for one image; None if unknown.
    """

    size: str
    parameters: str = ""
    multiply_adds: int | None = 0


def compute_arithmetic(call: Call) -> Arithmetic:
    """Compute the numbers of one call; those of an unknown layer are taken from Keras."""
    for layer_type in type(call.layer).__mro__:
        if layer_type in _RULES:
            return _RULES[layer_type](call)
    weights = _sum_of_weights(call.layer)
    return Arithmetic("as Keras computes it", weights, None if weights else 0)


def _sum_of_weights(layer: Any) -> str:
    """Write the parameter count as the sum of the weights' sizes, which is true for any layer."""
    weights = getattr(layer, "weights", ())
    if not weights:
        return ""
    terms = ["*".join(str(size) for size in weight.shape) or "1" for weight in weights]
    return f"{' + '.join(terms)} = {layer.count_params():,}"


def _convolution(call: Call) -> Arithmetic:
    layer, (rows, columns) = call.layer, call.layer.kernel_size
    channels = _num_channels(call) // layer.groups
    kernel = _with_bias(f"{rows}*{columns}*{channels}", layer)
    return _windowed(call, f"{kernel}*{layer.filters}", layer.filters * rows * columns * channels)


def _depthwise_convolution(call: Call) -> Arithmetic:
    layer, (rows, columns) = call.layer, call.layer.kernel_size
    channels, multiplier = _num_channels(call), layer.depth_multiplier
    parameters = f"{_with_bias(f'{rows}*{columns}', layer)}*{channels}*{multiplier}"
    return _windowed(call, parameters, rows * columns * channels * multiplier)


def _separable_convolution(call: Call) -> Arithmetic:
    layer, (rows, columns) = call.layer, call.layer.kernel_size
    channels, multiplier = _num_channels(call), layer.depth_multiplier
    between = channels * multiplier
    pointwise = f"{_with_bias(f'{between}', layer)}*{layer.filters}"
    return _windowed(
        call,
        f"{rows}*{columns}*{channels}*{multiplier} + {pointwise}",
        rows * columns * between + between * layer.filters,
    )


def _windowed(call: Call, parameters: str, multiply_adds_per_position: int) -> Arithmetic:
    windows = get_windows(call)
    assert windows is not None  # the table below sends only windowed layers here
    height, width = spatial_size(call.output_shape, call.layer)
    return Arithmetic(
        _size(call, lambda axis, before, after: windows[axis].size_formula(before, after)),
        f"{parameters} = {call.layer.count_params():,}" if parameters else "",
        height * width * multiply_adds_per_position,
    )


def _transposed_convolution(call: Call) -> Arithmetic:
    layer, (rows, columns) = call.layer, call.layer.kernel_size
    height, width = spatial_size(call.input_shapes[0], layer)

    def size(axis: int, before: int, after: int) -> str:
        stride, extra = layer.strides[axis], layer.output_padding
        window = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
        extra = extra[axis] if isinstance(extra, tuple) else extra
        if layer.padding == "same":
            if extra is None:
                return f"{before}*{stride} = {after}"
            return f"({before} - 1)*{stride} + {window % 2} + {extra} = {after}"
        extra = max(stride - window, 0) if extra is None else extra
        return f"({before} - 1)*{stride} + {window}{f' + {extra}' if extra else ''} = {after}"

    return Arithmetic(
        _size(call, size),
        _sum_of_weights(layer),
        height * width * layer.filters * rows * columns * _num_channels(call),
    )


def _global_pooling(call: Call) -> Arithmetic:
    height, width = spatial_size(call.input_shapes[0], call.layer)
    statistic = "maximum" if "Max" in type(call.layer).__name__ else "mean"
    return Arithmetic(
        f"{statistic} of {height}*{width} values in each of {_num_channels(call)} channels"
    )


def _reshape(call: Call) -> Arithmetic:
    shapes = call.input_shapes[0], call.output_shape
    return Arithmetic(" = ".join("*".join(map(str, shape)) for shape in shapes))


def _dense(call: Call) -> Arithmetic:
    layer, num_inputs = call.layer, call.input_shapes[0][-1]
    return Arithmetic(
        f"{layer.units} units",
        f"{_with_bias(f'{num_inputs}', layer)}*{layer.units} = {layer.count_params():,}",
        math.prod(call.output_shape[:-1]) * num_inputs * layer.units,
    )


def _einsum_dense(call: Call) -> Arithmetic:
    layer = call.layer
    inputs, kernel = layer.equation.split("->")[0].split(",")
    known = dict(zip(inputs, (1, *call.input_shapes[0]), strict=False))  # first the batch, of one
    known |= dict(zip(kernel, layer.kernel.shape, strict=True))
    is_plain = "." not in layer.equation
    return Arithmetic(
        f"{layer.equation} of the input and the kernel",
        _sum_of_weights(layer),
        math.prod(known.values()) if is_plain else None,
    )


def _attention(call: Call) -> Arithmetic:
    """Count the projections: queries, keys and values are multiplied without weights."""
    kernels = {
        weight.path.split("/")[-2]: math.prod(weight.shape)
        for weight in call.layer.weights
        if weight.path.endswith("/kernel")
    }
    queries, values = (math.prod(call.input_shapes[index][:-1]) for index in (0, -1))
    return Arithmetic(
        "same shape",
        _sum_of_weights(call.layer),
        queries * (kernels["query"] + kernels["attention_output"])
        + values * (kernels["key"] + kernels["value"]),
    )


def _border(call: Call, amounts: tuple[tuple[int, int], tuple[int, int]], sign: str) -> Arithmetic:
    def size(axis: int, before: int, after: int) -> str:
        low, high = amounts[axis]
        return f"{before} {sign} {low} {sign} {high} = {after}"

    return Arithmetic(_size(call, size))


def _concatenate(call: Call) -> Arithmetic:
    axis = call.layer.axis if call.layer.axis < 0 else call.layer.axis - 1
    terms = " + ".join(str(shape[axis]) for shape in call.input_shapes)
    return Arithmetic(f"{terms} = {call.output_shape[axis]} along the joined axis")


def _size(call: Call, formula: Callable[[int, int, int], str]) -> str:
    """Write out the output size along rows and columns, once if both are equal.

    Args:
        call: of a layer whose input and output are maps.
        formula: takes the axis (0 or 1), the input size and the output size.
    """
    before, after = (
        spatial_size(shape, call.layer) for shape in (call.input_shapes[0], call.output_shape)
    )
    rows, columns = (formula(axis, before[axis], after[axis]) for axis in (0, 1))
    return rows if rows == columns else f"rows {rows}, columns {columns}"


def _num_channels(call: Call) -> int:
    shape = call.input_shapes[0]
    is_first = getattr(call.layer, "data_format", "") == "channels_first"
    return shape[0] if is_first else shape[-1]


def _with_bias(terms: str, layer: Any) -> str:
    return f"({terms} + 1)" if layer.use_bias else terms


_RULES: dict[type, Callable[[Call], Arithmetic]] = {
    layers.InputLayer: lambda _: Arithmetic("input"),
    layers.Conv2D: _convolution,
    layers.DepthwiseConv2D: _depthwise_convolution,
    layers.SeparableConv2D: _separable_convolution,
    layers.Conv2DTranspose: _transposed_convolution,
    layers.MaxPooling2D: lambda call: _windowed(call, "", 0),
    layers.AveragePooling2D: lambda call: _windowed(call, "", 0),
    layers.GlobalAveragePooling2D: _global_pooling,
    layers.GlobalMaxPooling2D: _global_pooling,
    layers.Flatten: _reshape,
    layers.Reshape: _reshape,
    layers.Dense: _dense,
    layers.EinsumDense: _einsum_dense,
    layers.MultiHeadAttention: _attention,
    layers.ZeroPadding2D: lambda call: _border(call, call.layer.padding, "+"),
    layers.Cropping2D: lambda call: _border(call, call.layer.cropping, "-"),
    layers.UpSampling2D: lambda call: Arithmetic(
        _size(call, lambda axis, before, after: f"{before}*{call.layer.size[axis]} = {after}")
    ),
    layers.Concatenate: _concatenate,
}
# Layers whose output values depend only on input values at the same position. The random layers
# are inactive outside training, when the statistics of BatchNormalization are constants.
_ELEMENTWISE = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.PReLU,
    layers.ELU,
    layers.Softmax,
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.RandomFlip,
    layers.RandomTranslation,
    layers.RandomRotation,
    layers.RandomZoom,
    layers.RandomContrast,
    layers.RandomBrightness,
    layers.RandomErasing,
    layers.Rescaling,
    layers.BatchNormalization,
    layers.Normalization,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
)
_SAME_SHAPE = (*_ELEMENTWISE, layers.LayerNormalization, layers.GroupNormalization)
_RULES |= dict.fromkeys(
    _SAME_SHAPE, lambda call: Arithmetic("same shape", _sum_of_weights(call.layer))
)
SAME_RECEPTIVE_FIELD = (*_ELEMENTWISE, layers.Concatenate, layers.ZeroPadding2D, layers.Cropping2D)
