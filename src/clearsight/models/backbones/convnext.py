"""ConvNeXt, https://arxiv.org/abs/2201.03545, with the weights of `keras.applications`.

Keras's own network has a layer that Keras does not export, LayerScale, so that a file with it
cannot be loaded. Here a layer that Keras exports does the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearsight.models.backbones.blocks import image_input, scale_as_imagenet, scale_channels

if TYPE_CHECKING:
    import keras
    import numpy as np

_FILTERS = (96, 192, 384, 768)
_EXPANSION = 4
_EPSILON = 1e-6


@dataclass(frozen=True)
class ConvNeXt:
    """A network of the family.

    Attributes:
        name: of the Keras model.
        function: its name in `keras.applications`.
        num_blocks: blocks of each stage.
    """

    name: str
    function: str
    num_blocks: tuple[int, int, int, int]

    @property
    def block_patterns(self) -> tuple[str, ...]:
        """A regular expression for each block's layer names.

        What halves the map before a stage is in the stage's first block.
        """
        names = [
            f"stage{stage}_block{block}_.+" + (f"|stage{stage}_(norm|halve)" if block == 1 else "")
            for stage, num_blocks in enumerate(self.num_blocks, start=1)
            for block in range(1, num_blocks + 1)
        ]
        return ("images|scaling|stem_.+", *names[:-1], f"{names[-1]}|head_.+|features")

    def build(self, image_size: tuple[int, int]) -> keras.Model:
        """Build the network with random weights, for pixels 0..255 (N, H, W, 3)."""
        from clearsight.models.backend import keras

        layers = keras.layers
        images = image_input(image_size)
        values = layers.Conv2D(_FILTERS[0], 4, strides=4, name="stem_conv")(
            scale_as_imagenet(images)
        )
        values = _normalized(values, "stem_norm")
        for stage, num_blocks in enumerate(self.num_blocks, start=1):
            name = f"stage{stage}"
            if stage > 1:
                filters = _FILTERS[stage - 1]
                values = _normalized(values, f"{name}_norm")
                values = layers.Conv2D(filters, 2, strides=2, name=f"{name}_halve")(values)
            for block in range(1, num_blocks + 1):
                values = _mixed_by_depth(values, f"{name}_block{block}")
        pooled = layers.GlobalAveragePooling2D(name="head_pool")(values)
        return keras.Model(images, _normalized(pooled, "features"), name=self.name)

    def convert(self, model: keras.Model) -> dict[str, np.ndarray]:
        """Return the weights of Keras's network by the path of our variable."""
        from clearsight.models.backend import keras

        to_numpy: Any = keras.ops.convert_to_numpy
        ours = self.build(model.input_shape[1:3]).weights
        weights = {}
        for variable, original in zip(ours, model.weights, strict=True):
            array = to_numpy(original)
            # A grouped convolution's kernel is (rows, columns, 1, filters).
            is_depthwise = "depthwise" in variable.path and array.ndim == 4
            weights[variable.path] = array.transpose(0, 1, 3, 2) if is_depthwise else array
        return weights


def _normalized(values: Any, name: str) -> Any:
    from clearsight.models.backend import keras

    return keras.layers.LayerNormalization(epsilon=_EPSILON, name=name)(values)


def _mixed_by_depth(inputs: Any, name: str) -> Any:
    """Add a block to a graph: a depthwise convolution and two dense layers, added to the input."""
    from clearsight.models.backend import keras

    layers, filters = keras.layers, inputs.shape[-1]
    values = layers.DepthwiseConv2D(7, padding="same", name=f"{name}_depthwise")(inputs)
    values = _normalized(values, f"{name}_norm")
    values = layers.Dense(filters * _EXPANSION, activation="gelu", name=f"{name}_expand")(values)
    values = layers.Dense(filters, name=f"{name}_project")(values)
    return layers.Add(name=f"{name}_add")([inputs, scale_channels(values, f"{name}_scale")])
