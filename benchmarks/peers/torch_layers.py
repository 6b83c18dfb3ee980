"""Layers that PyTorch does not have, as an expert would write them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


class Sum(nn.Module):
    """A residual connection: a branch added to its input, or to a projection of it."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut or nn.Identity()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.branch(values) + self.shortcut(values)


class Call(nn.Module):
    """A function of one tensor."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.function(values)


class Augment(nn.Module):
    """In training, flips half of the images, and shifts and rotates each at random.

    Args:
        shift: largest shift, as a fraction of the image's size.
        turns: largest rotation, as a fraction of a full turn.
    """

    def __init__(self, shift: float = 0.0, turns: float = 0.0) -> None:
        super().__init__()
        self.shift, self.turns = shift, turns

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return images
        count = len(images)
        flip = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
        angle = (torch.rand(count) * 2 - 1) * self.turns * 2 * math.pi
        across, down = (torch.rand(2, count) * 2 - 1) * self.shift * 2
        maps = torch.stack(
            [
                torch.stack([angle.cos() * flip, -angle.sin(), across], 1),
                torch.stack([angle.sin() * flip, angle.cos(), down], 1),
            ],
            1,
        )
        grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
        return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


class Attention(nn.Module):
    """Self-attention of (N, positions, width) with torch's fused operation."""

    def __init__(self, width: int, num_heads: int, head_width: int, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.project = nn.Linear(width, 3 * num_heads * head_width)
        self.combine = nn.Linear(num_heads * head_width, width)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        count, positions, _ = values.shape
        projected = self.project(values).view(count, positions, 3, self.num_heads, -1)
        queries, keys, contents = projected.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(
            queries, keys, contents, dropout_p=self.dropout if self.training else 0.0
        )
        return self.combine(attended.transpose(1, 2).reshape(count, positions, -1))


class LearnedPositions(nn.Module):
    """Adds a learned vector to each position."""

    def __init__(self, positions: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(positions, width) / math.sqrt(width))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.table


class SequencePooling(nn.Module):
    """A weighted mean over positions, with learned weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.Linear(width, 1)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        weights = self.attention(values).softmax(1)
        return (weights.transpose(1, 2) @ values).squeeze(1)


class StochasticDepth(nn.Module):
    """Drops a residual branch, for random images of a batch, in training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.rate:
            return values
        kept = torch.rand(len(values), 1, 1, dtype=values.dtype) >= self.rate
        return values * kept / (1 - self.rate)
