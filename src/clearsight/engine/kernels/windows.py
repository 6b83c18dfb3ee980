"""What a convolution of stride 1 with 2x2 max pooling behind it looks at."""

from __future__ import annotations

import ctypes
from typing import Any

import torch

Edges = tuple[tuple[int, int], tuple[int, int]]
"""Rows added above and below an image, and columns left and right of it; most often of zeros."""

NO_EDGES: Edges = ((0, 0), (0, 0))


def pooled_size(images: torch.Size, kernel: torch.Size, edges: Edges) -> tuple[int, int]:
    """Return the height and the width of what comes out.

    Args:
        images: (N, H, W, C).
        kernel: (kernel height, kernel width, C, filters).
        edges: of zeros.
    """
    height, width = (
        (images[1 + axis] + sum(edges[axis]) - kernel[axis] + 1) // 2 for axis in (0, 1)
    )
    return height, width


def sizes_of(images: torch.Size, kernel: torch.Size, edges: Edges) -> Any:
    """Return the numbers of the C program's ``struct shape``, in their order, as its array."""
    (top, _), (left, _) = edges
    numbers = (
        *images, *kernel[:2], kernel[3], top, left, *pooled_size(images, kernel, edges)
    )  # fmt: skip
    return (ctypes.c_ssize_t * len(numbers))(*numbers)
