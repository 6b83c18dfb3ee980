"""RepViT-M1.1, https://arxiv.org/abs/2307.09283, with the weights of timm.

The parallel branches of a block and all batch normalizations are folded into one convolution each,
as the paper does for inference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.models.backbones.blocks import Convolutions, image_input, scale_as_imagenet
from clearsight.models.backbones.torch_weights import Affine, TorchWeights, Weights

if TYPE_CHECKING:
    import keras

_STAGES = ((64, 2), (128, 2), (256, 12), (512, 2))  # filters and blocks
_EXPANSION = 2
_SQUEEZE = 4  # how many times fewer channels the gate's hidden layer has
_LAYERS = Convolutions(pads_evenly=True)


@dataclass(frozen=True)
class MixerBlock:
    """A depthwise convolution, a gate of the channels and two convolutions of size 1.

    Attributes:
        name: before the names of its layers.
        timms: its name in timm's file.
        filters: channels of its output.
        is_gated: whether it has a gate: squeeze and excitation.
        halves_to: filters of the stage that begins behind it, where rows and columns are halved;
            None within a stage.
    """

    name: str
    timms: str
    filters: int
    is_gated: bool
    halves_to: int | None = None


def _mixer_blocks() -> Iterator[MixerBlock]:
    """Yield all blocks from the stem to the features."""
    number = 0
    for stage, (filters, num_blocks) in enumerate(_STAGES):
        for index in range(num_blocks):
            number += 1
            timms = f"stages.{stage}.blocks.{index}"
            yield MixerBlock(f"block{number}", timms, filters, is_gated=index % 2 == 0)
        if stage + 1 < len(_STAGES):
            number += 1
            timms = f"stages.{stage + 1}.downsample"
            following = _STAGES[stage + 1][0]
            yield MixerBlock(f"block{number}", timms, filters, False, following)


_BLOCKS = tuple(_mixer_blocks())


def repvit_block_patterns() -> tuple[str, ...]:
    """Return a regular expression for each block's layer names."""
    *lower, last = (f"{block.name}_.+" for block in _BLOCKS)
    return ("images|scaling|stem_.+", *lower, f"{last}|features")


def build_repvit(image_size: tuple[int, int]) -> keras.Model:
    """Build RepViT-M1.1 with random weights, for pixels 0..255 (N, H, W, 3)."""
    from clearsight.models.backend import keras

    filters = _STAGES[0][0]
    images = image_input(image_size)
    values = _LAYERS.convolve(scale_as_imagenet(images), filters // 2, "stem_conv1", 3, stride=2)
    values = keras.layers.Activation("gelu", name="stem_gelu")(values)
    values = _LAYERS.convolve(values, filters, "stem_conv2", 3, stride=2)
    for block in _BLOCKS:
        values = _mixed(values, block)
    features = keras.layers.GlobalAveragePooling2D(name="features")(values)
    return keras.Model(images, features, name="repvit-m1.1")


def convert_repvit(arrays: Mapping[str, np.ndarray]) -> Weights:
    """Turn timm's weights by name into Keras's by variable path; the classifiers are left out."""
    torch = TorchWeights(arrays)

    def convolution(ours: str, timms: str, is_depthwise: bool = False) -> Weights:
        folded = torch.folded(f"{timms}.c", f"{timms}.bn")
        return folded.keras_weights(ours, is_depthwise=is_depthwise)

    def two_convolutions(ours: str, timms: str) -> Weights:
        return convolution(f"{ours}_expand", f"{timms}.conv1") | convolution(
            f"{ours}_project", f"{timms}.conv2"
        )

    weights = convolution("stem_conv1", "stem.conv1") | convolution("stem_conv2", "stem.conv2")
    for block in _BLOCKS:
        name, timms = block.name, block.timms
        within = timms if block.halves_to is None else f"{timms}.pre_block"
        mixer = _one_convolution(torch, f"{within}.token_mixer")
        weights |= mixer.keras_weights(f"{name}_mixer", is_depthwise=True)
        weights |= two_convolutions(name, f"{within}.channel_mixer")
        if block.is_gated:
            weights |= torch.affine(f"{within}.se.fc1").keras_weights(f"{name}_gate_reduce")
            weights |= torch.affine(f"{within}.se.fc2").keras_weights(f"{name}_gate_expand")
        if block.halves_to is not None:
            weights |= convolution(f"{name}_halve", f"{timms}.spatial_downsample", True)
            weights |= convolution(f"{name}_widen", f"{timms}.channel_downsample")
            weights |= two_convolutions(f"{name}_wide", f"{timms}.ffn")
    return weights


def _one_convolution(torch: TorchWeights, timms: str) -> Affine:
    """Fold a 3x3 convolution, one of size 1, the input itself and a normalization into one."""
    large = torch.folded(f"{timms}.conv.c", f"{timms}.conv.bn")
    small = torch.affine(f"{timms}.conv1")
    at_center = np.pad(small.kernel + 1, ((0, 0), (0, 0), (1, 1), (1, 1)))
    together = Affine(large.kernel + at_center, large.bias + small.bias)
    return together.then(*torch.normalization(f"{timms}.bn"))


def _mixed(values: Any, block: MixerBlock) -> Any:
    """Add a block to a graph."""
    name = block.name
    values = _LAYERS.convolve_each(values, f"{name}_mixer", 3)
    if block.is_gated:
        values = _gated(values, f"{name}_gate")
    values = _with_two_convolutions(values, name)
    if block.halves_to is None:
        return values
    values = _LAYERS.convolve_each(values, f"{name}_halve", 3, stride=2)
    values = _LAYERS.convolve(values, block.halves_to, f"{name}_widen")
    return _with_two_convolutions(values, f"{name}_wide")


def _with_two_convolutions(values: Any, name: str) -> Any:
    """Add to values the output of two convolutions of size 1 with GELU between them."""
    from clearsight.models.backend import keras

    filters = values.shape[-1]
    inner = _LAYERS.convolve(values, filters * _EXPANSION, f"{name}_expand")
    inner = keras.layers.Activation("gelu", name=f"{name}_gelu")(inner)
    outer = _LAYERS.convolve(inner, filters, f"{name}_project")
    return keras.layers.Add(name=f"{name}_add")([values, outer])


def _gated(values: Any, name: str) -> Any:
    """Multiply each channel by a factor 0..1 that follows from the means of all channels."""
    from clearsight.models.backend import keras

    layers, filters = keras.layers, values.shape[-1]
    means = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(values)
    hidden = layers.Conv2D(filters // _SQUEEZE, 1, activation="relu", name=f"{name}_reduce")(means)
    gate = layers.Conv2D(filters, 1, activation="sigmoid", name=f"{name}_expand")(hidden)
    return layers.Multiply(name=f"{name}_multiply")([values, gate])
