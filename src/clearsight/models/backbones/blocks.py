"""Layers that the networks of this package are built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Of the red, green and blue values 0..1 of ImageNet's images, as torchvision publishes them.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
IMAGENET_SCALING = "(x / 255 - mean) / deviation, each colour's of ImageNet"


@dataclass(frozen=True)
class Convolutions:
    """Makes convolutions with a bias, padded with zeros to the size of their input.

    Attributes:
        pads_evenly: whether those with a stride are padded by the same number on all sides, as
            in torch, and not by one less at the top and left where that is enough, as in
            TensorFlow. The difference moves the image by half a pixel or more.
    """

    pads_evenly: bool

    def convolve(
        self, values: Any, filters: int, name: str, kernel_size: int = 1, stride: int = 1
    ) -> Any:
        """Convolve all channels."""
        from clearsight.models.backend import keras

        values, padding = self._padded(values, name, kernel_size, stride)
        layer = keras.layers.Conv2D(
            filters, kernel_size, strides=stride, padding=padding, name=name
        )
        return layer(values)

    def convolve_each(self, values: Any, name: str, kernel_size: int, stride: int = 1) -> Any:
        """Convolve each channel by itself: a depthwise convolution."""
        from clearsight.models.backend import keras

        values, padding = self._padded(values, name, kernel_size, stride)
        layer = keras.layers.DepthwiseConv2D(
            kernel_size, strides=stride, padding=padding, name=name
        )
        return layer(values)

    def _padded(self, values: Any, name: str, kernel_size: int, stride: int) -> tuple[Any, str]:
        """Return the values and how the convolution's own padding is called."""
        from clearsight.models.backend import keras

        if stride == 1 or not self.pads_evenly:
            return values, "same"
        if kernel_size == 1:
            return values, "valid"
        return keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(values), "valid"


def image_input(image_size: tuple[int, int]) -> Any:
    """Return the input for pixels 0..255, (N, H, W, 3)."""
    from clearsight.models.backend import keras

    return keras.Input((*image_size, 3), name="images")


def scale_as_imagenet(images: Any) -> Any:
    """Scale pixels 0..255 by the mean and the standard deviation of each colour."""
    from clearsight.models.backend import keras

    scales = [1 / (255 * deviation) for deviation in _DEVIATION]
    # Keras takes one number for each channel here too, which its annotation does not say.
    offsets: Any = [-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)]
    return keras.layers.Rescaling(scales, offset=offsets, name="scaling")(images)


def scale_channels(values: Any, name: str) -> Any:
    """Multiply each channel by a trained factor: LayerScale, as a layer that Keras exports."""
    from clearsight.models.backend import keras

    axes = "bhwc" if len(values.shape) == 4 else "btc"
    layer = keras.layers.EinsumDense(
        f"{axes},c->{axes}", output_shape=values.shape[1:], kernel_initializer="ones", name=name
    )
    return layer(values)
