"""`HandsOn`: the numbers with which a page computes a network's first layers by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearsight.evaluation.saliency.first_convolution import FirstConvolution
from clearsight.evaluation.saliency.layer_outputs import LayerOutputs
from clearsight.evaluation.saliency.worked_example import WorkedExample
from clearsight.evaluation.saliency.worked_layers import PoolingExample, find_pooling, run_all
from clearsight.models.backend import keras
from clearsight.models.windows import Window, get_windows

_MAX_POSITIONS = 32  # rows and columns of an output
_MAX_CHANNELS = 8
_MAX_VALUES = 12_000  # of the first layer's input, about 80 KB as text


@dataclass(frozen=True, eq=False)
class SlidingWindow:
    """Part of a layer's input, in which its window is moved over some positions.

    Attributes:
        values: float32 (rows, columns, C), with 0 (convolution) or NaN (pooling) in the padding.
        top: the layer's input row of the first row; negative in the padding.
        left: the layer's input column of the first column.
        first: the first row and column of the output.
        count: how many rows and columns of the output there are.
        start: the output's row and column to begin with.
        size: rows and columns of the window.
        stride: along rows and columns.
        dilation: along rows and columns.
        is_part: whether there are positions elsewhere.
        channels: int (F,), the output channels that can be chosen.
        channel: the one to begin with.
    """

    values: np.ndarray
    top: int
    left: int
    first: tuple[int, int]
    count: tuple[int, int]
    start: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    is_part: bool
    channels: np.ndarray
    channel: int

    @classmethod
    def around(
        cls,
        values: np.ndarray,
        output: np.ndarray,
        windows: tuple[Window, Window],
        position: tuple[int, int, int],
        padding: float,
    ) -> SlidingWindow:
        """Return the part of a layer's input around a position of its output.

        Args:
            values: float32 (rows, columns, C), the input; C is that of the output in a layer that
                computes each channel by itself, for which `padding` is NaN.
            output: float32 (rows, columns, F).
            windows: along rows and columns.
            position: row, column and channel of the output to begin with.
            padding: the value outside the input.
        """
        channels = _chosen_channels(output, position[2])
        values = values[..., channels] if np.isnan(padding) else values
        most = _MAX_POSITIONS
        while most > 1 and _num_values(windows, most, values.shape[-1]) > _MAX_VALUES:
            most -= 1
        firsts, counts, reaches = [], [], []
        for window, size, start in zip(windows, output.shape, position, strict=False):
            count = min(size, most)
            firsts.append(min(max(start - count // 2, 0), size - count))
            counts.append(count)
            top = firsts[-1] * window.stride - window.padding[0]
            end = top + (count - 1) * window.stride + window.effective_size
            reaches.append(np.arange(top, end))
        part = np.full((*map(len, reaches), values.shape[-1]), padding, np.float32)
        inside = [
            (reach >= 0) & (reach < size)
            for reach, size in zip(reaches, values.shape, strict=False)
        ]
        taken = (reach[is_in] for reach, is_in in zip(reaches, inside, strict=True))
        part[np.ix_(*inside)] = values[np.ix_(*taken)]
        size, stride, dilation = (
            tuple(getattr(window, name) for window in windows)
            for name in ("size", "stride", "dilation")
        )
        return cls(
            values=part,
            top=int(reaches[0][0]),
            left=int(reaches[1][0]),
            first=(firsts[0], firsts[1]),
            count=(counts[0], counts[1]),
            start=position[:2],
            size=size,
            stride=stride,
            dilation=dilation,
            is_part=tuple(counts) != output.shape[:2],
            channels=channels,
            channel=position[2],
        )


@dataclass(frozen=True, eq=False)
class HandsOnConvolution:
    """The first convolution, for an image.

    Attributes:
        layer_name: its name.
        window: over the image.
        kernels: float32 (F, rows, columns, C), of the channels that can be chosen.
        biases: float32 (F,).
        activation: the activation's name; "linear" for none.
    """

    layer_name: str
    window: SlidingWindow
    kernels: np.ndarray
    biases: np.ndarray
    activation: str


@dataclass(frozen=True, eq=False)
class HandsOnPooling:
    """The first pooling layer, for an image.

    Attributes:
        layer_name: its name.
        window: over its input; the values are those of the channels that can be chosen.
        is_max: whether it takes the maximum, not the mean.
    """

    layer_name: str
    window: SlidingWindow
    is_max: bool


def prepare_convolution(
    outputs: LayerOutputs, image: np.ndarray, example: WorkedExample
) -> HandsOnConvolution | None:
    """Return the first convolution around an example; None for grouped convolutions.

    Args:
        outputs: of the network.
        image: float32 (H, W, C), as the network takes it.
        example: which begins.

    Raises:
        ModelError: as `FirstConvolution.of`.
    """
    convolution = FirstConvolution.of(outputs)
    layer = convolution.layer
    if layer.groups != 1:
        return None
    inputs, output = (
        values[0].cpu().numpy() for values in convolution.input_and_output(image[None])
    )
    position = example.row, example.column, example.filter_index
    window = SlidingWindow.around(inputs, output, convolution.windows, position, padding=0)
    biases = np.zeros(layer.filters) if layer.bias is None else layer.bias.value.detach().cpu()
    return HandsOnConvolution(
        layer_name=convolution.call.name,
        window=window,
        kernels=convolution.kernel[..., window.channels].transpose(3, 0, 1, 2),
        biases=np.asarray(biases)[window.channels],
        activation=example.activation,
    )


def prepare_pooling(
    outputs: LayerOutputs, image: np.ndarray, example: PoolingExample
) -> HandsOnPooling:
    """Return the first pooling layer around an example.

    Args:
        outputs: of a network that has one.
        image: float32 (H, W, C), as the network takes it.
        example: which begins.
    """
    call = find_pooling(outputs)
    assert call is not None  # the example is of it
    values = run_all(outputs, image)
    before, after = (values[k][0].cpu().numpy() for k in (call.inputs[0], call.outputs[0]))
    windows = get_windows(call.call)
    assert windows is not None  # pooling layers have them
    position = example.row, example.column, example.channel
    window = SlidingWindow.around(before, after, windows, position, padding=np.nan)
    is_max = isinstance(call.layer, keras.layers.MaxPooling2D)
    return HandsOnPooling(call.name, window, is_max)


def _chosen_channels(output: np.ndarray, channel: int) -> np.ndarray:
    """Return the channels that vary most over rows and columns, with `channel` among them."""
    spread = output.std(axis=(0, 1))
    spread[channel] = np.inf
    return np.sort(np.argsort(-spread, kind="stable")[:_MAX_CHANNELS])


def _num_values(windows: tuple[Window, Window], most: int, num_channels: int) -> int:
    rows, columns = ((most - 1) * each.stride + each.effective_size for each in windows)
    return rows * columns * num_channels
