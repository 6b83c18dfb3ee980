"""Sliding windows: kernel, stride, dilation and padding of convolution and pooling layers.

"Same" padding is Keras's (and TensorFlow's), asymmetric if the stride requires it:
https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2.
"""

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
    """The sliding window of a layer along one axis.

    Attributes:
        size: kernel or pool size.
        stride: distance between two neighbouring windows.
        dilation: distance between neighbouring values within a window.
        padding: zeros added before and after.
    """

    size: int
    stride: int
    dilation: int
    padding: tuple[int, int]

    @property
    def effective_size(self) -> int:
        """Distance from the first to the last value of a dilated window, both included."""
        return (self.size - 1) * self.dilation + 1

    def size_formula(self, before: int, after: int) -> str:
        """Write out how the input size `before` becomes the output size `after`."""
        low, high = self.padding
        padded = f" + {low} + {high}" if low != high else f" + 2*{low}" if low else ""
        window = self.size if self.dilation == 1 else f"(({self.size} - 1)*{self.dilation} + 1)"
        return f"floor(({before}{padded} - {window})/{self.stride}) + 1 = {after}"


def get_windows(call: Call) -> tuple[Window, Window] | None:
    """Return the windows along rows and columns of a convolution or pooling call, else None."""
    layer = call.layer
    if not isinstance(layer, _WINDOWED) or isinstance(layer, layers.Conv2DTranspose):
        return None
    sizes = getattr(layer, "kernel_size", None) or layer.pool_size
    dilations = getattr(layer, "dilation_rate", (1, 1))
    dilations = (dilations,) * 2 if isinstance(dilations, int) else tuple(dilations)
    before = spatial_size(call.input_shapes[0], layer)
    after = spatial_size(call.output_shape, layer)
    windows = []
    for axis in range(2):
        size, stride, dilation = sizes[axis], tuple(layer.strides)[axis], dilations[axis]
        missing = (after[axis] - 1) * stride + (size - 1) * dilation + 1 - before[axis]
        total = max(missing, 0) if layer.padding == "same" else 0
        windows.append(Window(size, stride, dilation, (total // 2, total - total // 2)))
    return windows[0], windows[1]


def spatial_size(shape: tuple[int, ...], layer: Any) -> tuple[int, int]:
    """Return the rows and columns of a map's `shape` in the layer's data format."""
    first = 1 if getattr(layer, "data_format", "channels_last") == "channels_first" else 0
    return shape[first], shape[first + 1]
