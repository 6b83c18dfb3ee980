"""Windowed layers: what convolution and pooling look at along rows and columns.

"Same" padding is Keras's (and TensorFlow's), asymmetric where strides need it:
https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clearsight.models.backend import keras
from clearsight.models.graph import Call

layers = keras.layers

_WINDOWED = (
    layers.Conv2D,
    layers.DepthwiseConv2D,
    layers.SeparableConv2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
)


@dataclass(frozen=True)
class Window:
    """What a windowed layer does along one axis.

    Attributes:
        size: how many positions it looks at, before dilation.
        stride: how far it moves.
        dilation: the distance between the positions it looks at.
        padding: zeros added before and after.
    """

    size: int
    stride: int
    dilation: int
    padding: tuple[int, int]

    @property
    def reach(self) -> int:
        """From the first to the last position it looks at, both counted."""
        return (self.size - 1) * self.dilation + 1

    def worked(self, before: int, after: int) -> str:
        """Write out the output size along this axis."""
        low, high = self.padding
        padded = f" + {low} + {high}" if low != high else f" + 2*{low}" if low else ""
        reach = self.size if self.dilation == 1 else f"(({self.size} - 1)*{self.dilation} + 1)"
        return f"floor(({before}{padded} - {reach})/{self.stride}) + 1 = {after}"


def windows_of(call: Call) -> tuple[Window, Window] | None:
    """Return the windows along rows and columns of a convolution or pooling call, else None."""
    layer = call.layer
    if not isinstance(layer, _WINDOWED) or isinstance(layer, layers.Conv2DTranspose):
        return None
    sizes = getattr(layer, "kernel_size", None) or layer.pool_size
    dilations = getattr(layer, "dilation_rate", (1, 1))
    dilations = (dilations,) * 2 if isinstance(dilations, int) else tuple(dilations)
    before, after = spatial(call.input_shapes[0], layer), spatial(call.output_shape, layer)
    windows = []
    for axis in range(2):
        size, stride, dilation = sizes[axis], tuple(layer.strides)[axis], dilations[axis]
        missing = (after[axis] - 1) * stride + (size - 1) * dilation + 1 - before[axis]
        total = max(missing, 0) if layer.padding == "same" else 0
        windows.append(Window(size, stride, dilation, (total // 2, total - total // 2)))
    return windows[0], windows[1]


def spatial(shape: tuple[int, ...], layer: Any) -> tuple[int, int]:
    """Return rows and columns of a map's `shape` in the layer's data format."""
    first = 1 if getattr(layer, "data_format", "channels_last") == "channels_first" else 0
    return shape[first], shape[first + 1]
