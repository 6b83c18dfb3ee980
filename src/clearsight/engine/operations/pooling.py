"""Pooling of images, by windows or as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from clearsight.engine.kernels.convolution import Edges
from clearsight.engine.kernels.global_pooling import average_images
from clearsight.engine.kernels.max_pooling import max_pool_2x2
from clearsight.engine.kernels.window_pooling import (
    average_windows,
    can_pool_windows,
    max_of_windows,
)
from clearsight.engine.operations.operation import Operation
from clearsight.engine.operations.padding import is_symmetric, pad


def average_pool2d(
    images: torch.Tensor, size: tuple[int, ...], strides: tuple[int, ...], padding: tuple[int, ...]
) -> torch.Tensor:
    """Average windows of images (N, C, H, W); what is padded does not count, as in Keras."""
    return functional.avg_pool2d(images, size, strides, padding, count_include_pad=False)  # pyright: ignore


_KERNELS = {functional.max_pool2d: max_of_windows, average_pool2d: average_windows}


@dataclass(frozen=True, eq=False)
class Pooling(Operation):
    """Pooling of any windows.

    Attributes:
        function: torch's max pooling, or `average_pool2d`, of images (N, C, H, W), size,
            strides and padding.
        size: rows and columns of a window.
        strides: rows and columns from one window to the next.
        edges: rows and columns that are padded.
        memory_format: of the images, so also of the result; `torch.preserve_format` leaves it.
    """

    function: Callable[..., torch.Tensor]
    size: tuple[int, ...]
    strides: tuple[int, ...]
    edges: Edges
    memory_format: torch.memory_format = field(default=torch.channels_last, kw_only=True)

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """Pool images (N, C, H, W)."""
        images = images.to(memory_format=self.memory_format)
        (top, _), (left, _) = self.edges
        padding = (top, left)
        if not is_symmetric(self.edges):
            # Keras's torch backend repeats the edge where two sides differ.
            images, padding = pad(images, self.edges, "replicate"), (0, 0)
        pool = _KERNELS[self.function] if can_pool_windows(images, self.size) else self.function
        return pool(images, self.size, self.strides, padding)


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


@dataclass(frozen=True, eq=False)
class GlobalAveragePooling(Operation):
    """The mean of each channel of an image.

    Attributes:
        keepdims: whether the axes of rows and columns stay.
    """

    keepdims: bool

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """Average images (N, C, H, W)."""
        if not can_pool_windows(images):
            return images.mean((2, 3), keepdim=self.keepdims)
        means = average_images(images)
        return means if self.keepdims else means.flatten(1)
