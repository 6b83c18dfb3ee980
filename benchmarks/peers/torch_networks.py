"""The two networks in plain PyTorch; both end in logits, as PyTorch's cross-entropy wants."""

from __future__ import annotations

import torch
from torch import nn

from peers.job import NUM_CLASSES


def reference_network() -> nn.Sequential:
    """Return the reference network; 421,642 parameters, input (N, 1, 28, 28)."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 64, 128),
        nn.ReLU(),
        nn.Linear(128, NUM_CLASSES),
    )


def residual_network() -> nn.Sequential:
    """Return ResNet-18 for small images, 11,173,962 weights, input (N, 3, 32, 32)."""
    channels = [64, 64, 128, 256, 512]
    blocks: list[nn.Module] = []
    for stage in range(4):
        before, after = channels[stage], channels[stage + 1]
        blocks += [_BasicBlock(before, after, stride=2 if stage else 1), _BasicBlock(after, after)]
    return nn.Sequential(
        *_convolution(3, 64, kernel_size=3),
        nn.ReLU(inplace=True),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, NUM_CLASSES),
    )


class _BasicBlock(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *_convolution(before, after, kernel_size=3, stride=stride),
            nn.ReLU(inplace=True),
            *_convolution(after, after, kernel_size=3),
        )
        self.shortcut = (
            nn.Sequential(*_convolution(before, after, kernel_size=1, stride=stride))
            if stride > 1 or before != after
            else nn.Identity()
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.relu_(self.convolutions(values) + self.shortcut(values))


def _convolution(
    before: int, after: int, *, kernel_size: int, stride: int = 1
) -> tuple[nn.Module, nn.Module]:
    padding = kernel_size // 2
    return (
        nn.Conv2d(before, after, kernel_size, stride, padding, bias=False),
        nn.BatchNorm2d(after),
    )
