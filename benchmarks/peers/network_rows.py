"""The table of networks whose training and prediction are compared.

The first six follow Keras's tutorials and examples. The next three are other networks that users of
Keras often train: the residual network of the CIFAR papers, a transformer for small images with
custom layers (https://keras.io/examples/vision/cct/), and a head trained on a frozen network
(https://keras.io/guides/transfer_learning/). Then comes a network that is fine-tuned with frozen
statistics of its normalization. The rest are `keras.applications`, trained from random weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from peers.job import NUM_CLASSES

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class NetworkRow:
    """A network, and the batches that it is measured with.

    Attributes:
        name: its name for ``--only``.
        title: its name in the table.
        pixels: height and width of an image.
        channels: of an image.
        batch_size: of training and prediction.
        num_batches: in one measured call of `fit` or `predict`.
        highest: the upper limit of the random pixel values; the lower one is 0.
    """

    name: str
    title: str
    pixels: int
    batch_size: int
    num_batches: int
    channels: int = 3
    highest: float = 255.0

    def images(self, num_batches: int) -> Arrays:
        """Return random images, float32 (N, pixels, pixels, channels), and labels, int64 (N,)."""
        random, count = np.random.default_rng(0), num_batches * self.batch_size
        shape = (count, self.pixels, self.pixels, self.channels)
        images = random.random(shape, dtype="float32") * np.float32(self.highest)
        return images, random.integers(0, NUM_CLASSES, count)


def _application(name: str, batch_size: int, num_batches: int, pixels: int = 224) -> NetworkRow:
    return NetworkRow(name, name, pixels, batch_size, num_batches, highest=1.0)


_ROWS = (
    NetworkRow("mnist", "MNIST, two convolutions", 28, 128, 40, channels=1),
    NetworkRow("mlp", "MLP of 256 and 128 with dropout", 28, 128, 120, channels=1),
    NetworkRow("cifar", "CIFAR, six convolutions, normalized and augmented", 32, 64, 16),
    NetworkRow("xception", "small Xception, augmented", 160, 16, 4),
    NetworkRow("convmixer", "ConvMixer 256/8", 32, 64, 4),
    NetworkRow("vit", "ViT, 4 blocks, 144 patches", 72, 64, 6),
    NetworkRow("resnet20", "ResNet-20 for CIFAR", 32, 128, 8),
    NetworkRow("cct", "compact convolutional transformer", 32, 128, 3),
    NetworkRow("transfer", "head on a frozen MobileNetV2", 160, 32, 3),
    NetworkRow("lite0", "EfficientNet-Lite0, frozen statistics", 224, 32, 2),
    _application("MobileNetV2", 16, 4),
    _application("MobileNetV3Large", 8, 6),
    _application("EfficientNetB0", 16, 3),
    _application("EfficientNetV2B0", 8, 5),
    _application("InceptionV3", 8, 4),
    _application("DenseNet121", 8, 3),
    _application("VGG16", 8, 2),
    _application("ConvNeXtTiny", 8, 2),
    _application("ResNet50", 16, 2),
)

ROWS = {row.name: row for row in _ROWS}
