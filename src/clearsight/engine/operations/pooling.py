"""Pooling of images by windows."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from clearsight.engine.kernels.convolution import Edges
from clearsight.engine.kernels.max_pooling import max_pool_2x2
from clearsight.engine.operations.operation import Operation
from clearsight.engine.operations.padding import is_symmetric, pad


@dataclass(frozen=True, eq=False)
class Pooling(Operation):
    """Pooling of any windows.

    Attributes:
        function: torch's max pooling, or average pooling, of images (N, C, H, W), size, strides
            and padding.
        size: rows and columns of a window.
        strides: rows and columns from one window to the next.
        edges: rows and columns that are padded.
    """

    function: Callable[..., torch.Tensor]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    edges: Edges

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """Pool images (N, C, H, W)."""
        # Max pooling in float32 of an image that is not channels-last would copy it.
        images = images.contiguous(memory_format=torch.channels_last)
        if is_symmetric(self.edges):
            (top, _), (left, _) = self.edges
            return self.function(images, self.size, self.strides, (top, left))
        # Keras's torch backend repeats the edge where two sides differ.
        return self.function(pad(images, self.edges, "replicate"), self.size, self.strides, 0)


@dataclass(frozen=True, eq=False)
class MaxPooling2x2(Operation):
    """Max pooling of windows of 2x2 without overlap or padding, for which there is a kernel.

    Attributes:
        rectified: whether a ReLU is part of it.
    """

    rectified: bool = False

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """Pool images (N, C, H, W)."""
        return max_pool_2x2(images, rectified=self.rectified)
