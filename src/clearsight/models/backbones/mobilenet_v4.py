"""MobileNetV4, https://arxiv.org/abs/2404.10518, with the weights of timm.

All its batch normalizations are folded into the convolutions before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearsight.models.backbones.blocks import (
    Convolutions,
    image_input,
    scale_as_imagenet,
)
from clearsight.models.backbones.torch_weights import TorchWeights, Weights

if TYPE_CHECKING:
    import keras
    import numpy as np

_STEM_FILTERS, _HEAD_FILTERS = 32, 1280
_LAYERS = Convolutions(pads_evenly=True)


@dataclass(frozen=True)
class ConvolutionBlock:
    """A convolution with ReLU.

    Attributes:
        filters: channels of its output.
        kernel_size: height and width of the kernel.
        stride: distance between neighbouring positions of the kernel.
    """

    filters: int
    kernel_size: int
    stride: int = 1

    def call(self, values: Any, name: str) -> Any:
        """Add the block to a graph."""
        return _with_relu(
            _LAYERS.convolve(values, self.filters, f"{name}_conv", self.kernel_size, self.stride)
        )

    def convolutions(self) -> dict[str, tuple[str, str]]:
        """Return ours by name, with timm's names of the convolution and its normalization."""
        return {"conv": ("conv", "bn1")}


@dataclass(frozen=True)
class UniversalBlock:
    """The universal inverted bottleneck: up to two depthwise convolutions and two of size 1.

    Attributes:
        filters: channels of its output.
        start: kernel size of the depthwise convolution before the expansion; 0 for none.
        middle: kernel size of the one behind it; 0 for none.
        expansion: how many times as many channels the middle has as the input.
        stride: of the last of the depthwise convolutions.
    """

    filters: int
    start: int
    middle: int
    expansion: int
    stride: int = 1

    def call(self, values: Any, name: str) -> Any:
        """Add the block to a graph."""
        from clearsight.models.backend import keras

        inputs, channels = values, values.shape[-1]
        if self.start:
            stride = 1 if self.middle else self.stride
            values = _LAYERS.convolve_each(values, f"{name}_start", self.start, stride)
        values = _with_relu(_LAYERS.convolve(values, channels * self.expansion, f"{name}_expand"))
        if self.middle:
            values = _with_relu(
                _LAYERS.convolve_each(values, f"{name}_middle", self.middle, self.stride)
            )
        values = _LAYERS.convolve(values, self.filters, f"{name}_project")
        if self.stride > 1 or self.filters != channels:
            return values
        return keras.layers.Add(name=f"{name}_add")([inputs, values])

    def convolutions(self) -> dict[str, tuple[str, str]]:
        """Return ours by name, with timm's names of the convolution and its normalization."""
        parts = {"expand": "pw_exp", "project": "pw_proj"}
        parts |= {"start": "dw_start"} if self.start else {}
        parts |= {"middle": "dw_mid"} if self.middle else {}
        return {ours: (f"{timms}.conv", f"{timms}.bn") for ours, timms in parts.items()}


_Block = ConvolutionBlock | UniversalBlock
# Stages of MobileNetV4-Conv-Small.
_STAGES: tuple[tuple[_Block, ...], ...] = (
    (ConvolutionBlock(32, 3, stride=2), ConvolutionBlock(32, 1)),
    (ConvolutionBlock(96, 3, stride=2), ConvolutionBlock(64, 1)),
    (
        UniversalBlock(96, 5, 5, 3, stride=2),
        *[UniversalBlock(96, 0, 3, 2)] * 4,
        UniversalBlock(96, 3, 0, 4),
    ),
    (
        UniversalBlock(128, 3, 3, 6, stride=2),
        UniversalBlock(128, 5, 5, 4),
        UniversalBlock(128, 0, 5, 4),
        UniversalBlock(128, 0, 5, 3),
        *[UniversalBlock(128, 0, 3, 4)] * 2,
    ),
    (ConvolutionBlock(960, 1),),
)
# Our name of each block, its name in timm's file, and the block.
_BLOCKS = [
    (f"block{number}", timms, block)
    for number, (timms, block) in enumerate(
        (
            (f"blocks.{stage}.{index}", block)
            for stage, blocks in enumerate(_STAGES)
            for index, block in enumerate(blocks)
        ),
        start=1,
    )
]


def mobilenet_v4_block_patterns() -> tuple[str, ...]:
    """Return a regular expression for each block's layer names; the head is in the last block."""
    *lower, last = (f"{name}_.+" for name, _, _ in _BLOCKS)
    return ("images|scaling|stem_.+", *lower, f"{last}|head_.+|features")


def build_mobilenet_v4(image_size: tuple[int, int]) -> keras.Model:
    """Build MobileNetV4-Conv-Small with random weights, for pixels 0..255 (N, H, W, 3)."""
    from clearsight.models.backend import keras

    images = image_input(image_size)
    values = _LAYERS.convolve(scale_as_imagenet(images), _STEM_FILTERS, "stem_conv", 3, stride=2)
    values = _with_relu(values)
    for name, _, block in _BLOCKS:
        values = block.call(values, name)
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="head_pool")(values)
    head = _with_relu(_LAYERS.convolve(pooled, _HEAD_FILTERS, "head_conv"))
    features = keras.layers.Flatten(name="features")(head)
    return keras.Model(images, features, name="mobilenet-v4-small")


def convert_mobilenet_v4(arrays: Mapping[str, np.ndarray]) -> Weights:
    """Turn timm's weights by name into Keras's by variable path; the classifier is left out."""
    torch = TorchWeights(arrays)
    weights = torch.folded("conv_stem", "bn1").keras_weights("stem_conv")
    for name, timms, block in _BLOCKS:
        for ours, (convolution, normalization) in block.convolutions().items():
            folded = torch.folded(f"{timms}.{convolution}", f"{timms}.{normalization}")
            is_depthwise = ours in ("start", "middle")
            weights |= folded.keras_weights(f"{name}_{ours}", is_depthwise=is_depthwise)
    return weights | torch.folded("conv_head", "norm_head").keras_weights("head_conv")


def _with_relu(values: Any) -> Any:
    """Apply ReLU to a layer's output, and name it after that layer."""
    from clearsight.models.backend import keras
    from clearsight.models.keras_internals.layers import layer_name_of

    return keras.layers.ReLU(name=f"{layer_name_of(values)}_relu")(values)
