"""Padding of images."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from clearsight.engine.kernels.convolution import Edges
from clearsight.engine.operations.operation import Operation


@dataclass(frozen=True, eq=False)
class ZeroPadding(Operation):
    """Zeros around images.

    Attributes:
        edges: how many rows and columns of them.
    """

    edges: Edges

    def apply(self, images: torch.Tensor) -> torch.Tensor:
        """Pad images (N, C, H, W)."""
        return pad(images, self.edges)


def pad(
    images: torch.Tensor, edges: Edges, mode: str = "constant", value: float | None = None
) -> torch.Tensor:
    """Pad images (N, C, H, W); memory stays channels-last."""
    (top, bottom), (left, right) = edges
    return functional.pad(images, (left, right, top, bottom), mode, value)


def is_symmetric(edges: Edges) -> bool:
    """Return whether opposite sides are padded equally, which torch does by itself."""
    return all(before == after for before, after in edges)
