"""`ConvolutionSizes`: the sizes of a convolution, and how its images are divided into chunks."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn import functional

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
    def reach(self) -> tuple[int, int]:
        """Rows and columns from the first to the last of a window."""
        rows, columns = (
            (taps - 1) * spread + 1 for taps, spread in zip(self.kernel, self.dilation, strict=True)
        )
        return rows, columns

    @cached_property
    def are_wrong_in_onednn(self) -> bool:
        """Whether oneDNN (torch 2.13, AVX512-BF16) may compute something else in bfloat16.

        At a stride, if the output has a single column, values and gradients can be wrong. Of a
        kernel that is larger than the images, parts may only ever be on the edges: their gradient
        stays what was in the memory before.
        """
        if max(self.strides) == 1:
            return False
        lengths = zip(self.reach, self.images[2:], strict=True)
        return 1 in self.output or any(reach > length for reach, length in lengths)

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


def with_equal_edges(
    kernel: torch.Tensor, sizes: ConvolutionSizes
) -> tuple[torch.Tensor, tuple[int, int]] | None:
    """Return a kernel that needs equal edges on opposite sides, and the rows and columns of both.

    The larger edge is then on both sides, and zeros are added to the kernel on the side of the
    smaller one, so that its own taps meet the same pixels.

    Args:
        kernel: (filters, C / groups, kernel height, kernel width).
        sizes: those of the convolution with the kernel as it is.

    Returns:
        None if edges are negative, or differ by no multiple of the dilation.
    """
    added: list[int] = []  # the last axis first, as `functional.pad` takes them
    for (before, after), by in zip(reversed(sizes.edges), reversed(sizes.dilation), strict=True):
        if min(before, after) < 0 or (after - before) % by:
            return None
        added += [max(after - before, 0) // by, max(before - after, 0) // by]
    padding = (max(sizes.edges[0]), max(sizes.edges[1]))
    return (functional.pad(kernel, added) if any(added) else kernel), padding
