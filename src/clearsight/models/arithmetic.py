"""Each layer's arithmetic worked with its numbers: output size, parameters, multiply-adds.

The formulas follow Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
https://arxiv.org/abs/1603.07285, with Keras's asymmetric "same" padding where strides need it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras
from clearsight.models.graph import Call
from clearsight.models.windows import spatial, windows_of

layers = keras.layers


@dataclass(frozen=True)
class Arithmetic:
    """How one call's numbers come about.

    Attributes:
        size: the output size, worked, e.g. "floor((28 + 2*1 - 3)/1) + 1 = 28".
        parameters: the parameter count, worked, e.g. "(3*3*1 + 1)*32 = 320"; "" when there are
            none.
        multiply_adds: multiplications with weights for one image; None when not known.
    """

    size: str
    parameters: str
    multiply_adds: int | None


def channels(shape: tuple[int, ...], layer: Any) -> int:
    """Return the channels of a map's `shape` in the layer's data format."""
    return shape[0] if getattr(layer, "data_format", "") == "channels_first" else shape[-1]


def arithmetic_of(call: Call) -> Arithmetic:
    """Work out one call's numbers; where a layer is not known, what Keras reports stands alone."""
    for kind in type(call.layer).__mro__:
        if kind in _RULES:
            return _RULES[kind](call)
    has_weights = bool(getattr(call.layer, "weights", ()))
    return Arithmetic(
        "as Keras computes it", _weights_worked(call.layer), None if has_weights else 0
    )


def _weights_worked(layer: Any) -> str:
    """Write out the parameter count as the sum of the weights' sizes, true for every layer."""
    weights = getattr(layer, "weights", ())
    if not weights:
        return ""
    terms = ["*".join(str(size) for size in weight.shape) or "1" for weight in weights]
    return f"{' + '.join(terms)} = {layer.count_params():,}"


def _convolution(call: Call) -> Arithmetic:
    layer = call.layer
    rows, columns = layer.kernel_size
    came_in = channels(call.input_shapes[0], layer) // layer.groups
    kernel = f"{rows}*{columns}*{came_in}"
    worked = f"({kernel} + 1)*{layer.filters}" if layer.use_bias else f"{kernel}*{layer.filters}"
    height, width = spatial(call.output_shape, layer)
    return Arithmetic(
        _window_size(call),
        f"{worked} = {layer.count_params():,}",
        height * width * layer.filters * rows * columns * came_in,
    )


def _depthwise_convolution(call: Call) -> Arithmetic:
    layer = call.layer
    rows, columns = layer.kernel_size
    came_in = channels(call.input_shapes[0], layer)
    kernel = f"({rows}*{columns} + 1)" if layer.use_bias else f"{rows}*{columns}"
    height, width = spatial(call.output_shape, layer)
    return Arithmetic(
        _window_size(call),
        f"{kernel}*{came_in}*{layer.depth_multiplier} = {layer.count_params():,}",
        height * width * rows * columns * came_in * layer.depth_multiplier,
    )


def _separable_convolution(call: Call) -> Arithmetic:
    layer = call.layer
    rows, columns = layer.kernel_size
    came_in, multiplier = channels(call.input_shapes[0], layer), layer.depth_multiplier
    between = came_in * multiplier
    pointwise = (
        f"({between} + 1)*{layer.filters}" if layer.use_bias else f"{between}*{layer.filters}"
    )
    height, width = spatial(call.output_shape, layer)
    return Arithmetic(
        _window_size(call),
        f"{rows}*{columns}*{came_in}*{multiplier} + {pointwise} = {layer.count_params():,}",
        height * width * (rows * columns * between + between * layer.filters),
    )


def _transposed_convolution(call: Call) -> Arithmetic:
    layer = call.layer
    before, after = spatial(call.input_shapes[0], layer), spatial(call.output_shape, layer)
    worked = [_transposed_size(layer, axis, before[axis], after[axis]) for axis in (0, 1)]
    rows, columns = layer.kernel_size
    came_in = channels(call.input_shapes[0], layer)
    return Arithmetic(
        _both_axes(worked, before, after),
        _weights_worked(layer),
        before[0] * before[1] * layer.filters * rows * columns * came_in,
    )


def _transposed_size(layer: Any, axis: int, before: int, after: int) -> str:
    """Work out one axis of a transposed convolution, as Keras sizes it."""
    stride = layer.strides[axis]
    reach = (layer.kernel_size[axis] - 1) * layer.dilation_rate[axis] + 1
    extra = layer.output_padding
    extra = extra[axis] if isinstance(extra, tuple) else extra
    if layer.padding == "same":
        if extra is None:
            return f"{before}*{stride} = {after}"
        return f"({before} - 1)*{stride} + {reach % 2} + {extra} = {after}"
    extra = max(stride - reach, 0) if extra is None else extra
    return f"({before} - 1)*{stride} + {reach}{f' + {extra}' if extra else ''} = {after}"


def _pooling(call: Call) -> Arithmetic:
    return Arithmetic(_window_size(call), "", 0)


def _global_pooling(call: Call) -> Arithmetic:
    height, width = spatial(call.input_shapes[0], call.layer)
    what = "largest" if "Max" in type(call.layer).__name__ else "mean"
    count = channels(call.input_shapes[0], call.layer)
    return Arithmetic(f"{what} of {height}*{width} values in each of {count} channels", "", 0)


def _flatten(call: Call) -> Arithmetic:
    factors = "*".join(str(size) for size in call.input_shapes[0])
    return Arithmetic(f"{factors} = {math.prod(call.output_shape)}", "", 0)


def _reshape(call: Call) -> Arithmetic:
    before, after = (
        "*".join(str(size) for size in shape) for shape in (call.input_shapes[0], call.output_shape)
    )
    return Arithmetic(f"{before} = {after}", "", 0)


def _dense(call: Call) -> Arithmetic:
    layer = call.layer
    came_in = call.input_shapes[0][-1]
    worked = f"({came_in} + 1)*{layer.units}" if layer.use_bias else f"{came_in}*{layer.units}"
    positions = math.prod(call.output_shape[:-1])
    return Arithmetic(
        f"{layer.units} units",
        f"{worked} = {layer.count_params():,}",
        positions * came_in * layer.units,
    )


def _shape_stays(call: Call) -> Arithmetic:
    return Arithmetic("the shape stays", _weights_worked(call.layer), 0)


def _padding(call: Call) -> Arithmetic:
    return _border(call, call.layer.padding, "+")


def _cropping(call: Call) -> Arithmetic:
    return _border(call, call.layer.cropping, "-")


def _border(call: Call, amounts: tuple[tuple[int, int], tuple[int, int]], sign: str) -> Arithmetic:
    before, after = (
        spatial(shape, call.layer) for shape in (call.input_shapes[0], call.output_shape)
    )
    worked = [
        f"{size} {sign} {low} {sign} {high} = {result}"
        for size, (low, high), result in zip(before, amounts, after, strict=True)
    ]
    return Arithmetic(_both_axes(worked, before, after), "", 0)


def _upsampling(call: Call) -> Arithmetic:
    before, after = (
        spatial(shape, call.layer) for shape in (call.input_shapes[0], call.output_shape)
    )
    worked = [
        f"{size}*{factor} = {result}"
        for size, factor, result in zip(before, call.layer.size, after, strict=True)
    ]
    return Arithmetic(_both_axes(worked, before, after), "", 0)


def _concatenate(call: Call) -> Arithmetic:
    axis = call.layer.axis if call.layer.axis < 0 else call.layer.axis - 1
    terms = " + ".join(str(shape[axis]) for shape in call.input_shapes)
    return Arithmetic(f"{terms} = {call.output_shape[axis]} along the joined axis", "", 0)


def _window_size(call: Call) -> str:
    windows = windows_of(call)
    assert windows is not None  # only windowed layers come here
    before, after = (
        spatial(call.input_shapes[0], call.layer),
        spatial(call.output_shape, call.layer),
    )
    worked = [
        window.worked(size, result)
        for window, size, result in zip(windows, before, after, strict=True)
    ]
    return _both_axes(worked, before, after)


def _both_axes(worked: list[str], before: tuple[int, int], after: tuple[int, int]) -> str:
    """Say it once where rows and columns are alike, else for each."""
    if worked[0] == worked[1] and before[0] == before[1] and after[0] == after[1]:
        return worked[0]
    return f"rows {worked[0]}, columns {worked[1]}"


_RULES: dict[type, Callable[[Call], Arithmetic]] = {
    layers.InputLayer: lambda _: Arithmetic("what comes in", "", 0),
    layers.Conv2D: _convolution,
    layers.DepthwiseConv2D: _depthwise_convolution,
    layers.SeparableConv2D: _separable_convolution,
    layers.Conv2DTranspose: _transposed_convolution,
    layers.MaxPooling2D: _pooling,
    layers.AveragePooling2D: _pooling,
    layers.GlobalAveragePooling2D: _global_pooling,
    layers.GlobalMaxPooling2D: _global_pooling,
    layers.Flatten: _flatten,
    layers.Reshape: _reshape,
    layers.Dense: _dense,
    layers.ZeroPadding2D: _padding,
    layers.Cropping2D: _cropping,
    layers.UpSampling2D: _upsampling,
    layers.Concatenate: _concatenate,
}
# Layers whose every output value depends on the input values at the same place alone. The random
# ones are asleep outside training; BatchNormalization's statistics are constants there.
_PER_PLACE = (
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
_KEEPS_SHAPE = (*_PER_PLACE, layers.LayerNormalization, layers.GroupNormalization)
_RULES.update(dict.fromkeys(_KEEPS_SHAPE, _shape_stays))
KEEPS_PLACE = (*_PER_PLACE, layers.Concatenate, layers.ZeroPadding2D, layers.Cropping2D)
