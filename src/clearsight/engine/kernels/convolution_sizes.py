"""`ConvolutionSizes`: the sizes of a convolution, and how its images are divided into chunks."""

from dataclasses import dataclass
from functools import cached_property

import torch

from clearsight.engine.kernels.convolution import Edges


@dataclass(frozen=True)
class ConvolutionSizes:
    """The sizes of a convolution.

    Attributes:
        images: (N, C, H, W).
        kernel: (kernel height, kernel width).
        strides: rows and columns from one window to the next.
        dilation: rows and columns from one tap to the next.
        edges: rows and columns of zeros around an image.
    """

    images: tuple[int, int, int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    edges: Edges

    @cached_property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        height, width = (
            (size + sum(around) - (taps - 1) * spread - 1) // stride + 1
            for size, around, taps, spread, stride in zip(
                self.images[2:], self.edges, self.kernel, self.dilation, self.strides, strict=True
            )
        )
        return height, width

    @cached_property
    def num_bands(self) -> int:
        """Number of bands of rows that each image is divided into, each computed by one thread.

        Two are faster than one: the gradient of a 3x3 kernel at stride 2, for 16 images of
        56x56x144, took 1.5 ms instead of 2.0 ms (2 cores of a Zen 4). With fewer images than
        threads there are more.
        """
        height = self.output[0]
        by_threads = -(-torch.get_num_threads() // self.images[0])
        return min(height, max(by_threads, 2 if height >= 14 else 1))

    @property
    def num_chunks(self) -> int:
        """Number of chunks that all bands are divided into: at most one per thread."""
        return max(1, min(torch.get_num_threads(), self.images[0] * self.num_bands))

    @cached_property
    def as_struct(self) -> tuple[int, ...]:
        """``struct shape`` of `depthwise.h`."""
        count, channels, height, width = self.images
        (top, _), (left, _) = self.edges
        pairs = (self.output, self.kernel, self.strides, self.dilation, (top, left))
        return (count, height, width, channels, *sum(pairs, ()), self.num_bands)
