"""`TrainedNetwork`, from which a bundle is written, and its torch module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from clearsight.data.preparation.preparation import Preparation
from clearsight.data.preparation.views import Views
from clearsight.engine.program.compilation import compile_program
from clearsight.models.backend import keras
from clearsight.models.graph import uses_default_call


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and how images are fed to it.

    Attributes:
        model: with its weights on the CPU.
        preparation: how images become its input.
        views: the views of an image over which probabilities are averaged.
    """

    model: keras.Model
    preparation: Preparation
    views: Views

    def as_module(self) -> ImagesToProbabilities:
        """Return a torch module that maps raw images to probabilities."""
        return ImagesToProbabilities(self)

    def example_images(self, count: int) -> torch.Tensor:
        """Return random images to trace the module with: uint8 (count, H, W, C)."""
        shape = (count, *self.preparation.image_shape)
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        return torch.from_numpy(noise)


class ImagesToProbabilities(torch.nn.Module):
    """Maps uint8 (N, H, W, C) to class probabilities, float32 (N, K).

    It runs the engine's float32 program of the network, which moves the channels to the second axis
    once, before the first convolution, so that no format needs a transposition at each layer.
    """

    def __init__(self, network: TrainedNetwork) -> None:
        super().__init__()
        self.eval()
        self._divisor = network.preparation.divisor
        self._shape = network.preparation.image_shape
        self._views = network.views
        self._program = None
        if uses_default_call(network.model):
            program = compile_program(network.model, training=False, dtype=torch.float32)
            # LiteRT's converter writes wrong values for weights that are transposed views.
            self._program = program.freeze_weights(contiguous=True)
        # A submodule, so that the weights of layers that Keras runs are exported too.
        is_needed = self._program is None or self._program.left_to_keras
        self._model = network.model if is_needed else None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map uint8 (N, H, W, C) to float32 (N, K)."""
        # Divided as one long row per image: ONNX Runtime divides a last axis of one channel value
        # by value, which took an eighth of the lesson's network's time on grey images of 28x28.
        rows = images.flatten(1).to(torch.float32) / self._divisor
        pixels = rows.reshape(-1, *self._shape)
        if self._views.is_plain:
            return self._probabilities(pixels)
        weights, views = zip(*self._views.of(pixels), strict=True)
        each = self._probabilities(torch.cat(views)).unflatten(0, (len(views), -1))
        return (each * torch.tensor(weights)[:, None, None]).sum(0)

    def _probabilities(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._program is None:
            return cast("Any", self._model)(pixels, training=False)
        (values,) = self._program([pixels])
        return torch.softmax(values, dim=-1) if self._program.ends_in_softmax else values
