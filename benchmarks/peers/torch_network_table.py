"""Networks of `network_rows.ROWS` in PyTorch, ending in logits.

Of `keras.applications` there are only ResNet-50, MobileNetV2 and VGG16, because the others would be
long programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from peers.job import NUM_CLASSES
from peers.network_stages import LITE0_STAGES, MOBILENET_STAGES, Stage
from peers.torch_layers import (
    Attention,
    Augment,
    Call,
    LearnedPositions,
    SequencePooling,
    StochasticDepth,
    Sum,
)


def build_torch(name: str) -> nn.Module | None:
    """Return the network of a row, which takes (N, C, H, W); None if it is not written."""
    return _NETWORKS[name]() if name in _NETWORKS else None


def _mnist() -> nn.Module:
    return nn.Sequential(
        _scale(),
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(1600, NUM_CLASSES),
    )


def _mlp() -> nn.Module:
    return nn.Sequential(
        _scale(),
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, NUM_CLASSES),
    )


def _cifar() -> nn.Module:
    """Without the penalty on the kernels, which in PyTorch is part of the optimizer."""
    stack: list[nn.Module] = [Augment(shift=0.1), _scale()]
    before = 3
    for filters in (32, 64, 128):
        for _ in range(2):
            stack += [nn.Conv2d(before, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
            before = filters
        stack += [nn.MaxPool2d(2), nn.Dropout(0.2)]
    head = [nn.Flatten(), nn.Linear(2048, 128), nn.ReLU(), nn.BatchNorm1d(128), nn.Dropout(0.5)]
    return nn.Sequential(*stack, *head, nn.Linear(128, NUM_CLASSES))


def _xception() -> nn.Module:
    def separable(before: int, after: int) -> list[nn.Module]:
        depthwise = nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False)
        return [depthwise, nn.Conv2d(before, after, 1), nn.BatchNorm2d(after)]

    stem = [nn.Conv2d(3, 128, 3, 2, padding=1), nn.BatchNorm2d(128), nn.ReLU()]
    blocks: list[nn.Module] = []
    before = 128
    for filters in (256, 512, 728):
        branch = nn.Sequential(
            nn.ReLU(),
            *separable(before, filters),
            nn.ReLU(),
            *separable(filters, filters),
            nn.MaxPool2d(3, 2, padding=1),
        )
        blocks.append(Sum(branch, nn.Conv2d(before, filters, 1, 2)))
        before = filters
    return nn.Sequential(
        Augment(turns=0.1), _scale(), *stem, *blocks, *separable(728, 1024), nn.ReLU(),
        _mean(), nn.Dropout(0.25), nn.Linear(1024, NUM_CLASSES),
    )  # fmt: skip


def _convmixer() -> nn.Module:
    def activated(convolution: nn.Conv2d) -> nn.Sequential:
        return nn.Sequential(convolution, nn.GELU(), nn.BatchNorm2d(256))

    blocks: list[nn.Module] = []
    for _ in range(8):
        mix = nn.Conv2d(256, 256, 5, padding=2, groups=256)
        blocks += [Sum(activated(mix)), activated(nn.Conv2d(256, 256, 1))]
    stem = activated(nn.Conv2d(3, 256, 2, 2))
    return nn.Sequential(_scale(), stem, *blocks, _mean(), nn.Linear(256, NUM_CLASSES))


def _vit() -> nn.Module:
    blocks: list[nn.Module] = []
    for _ in range(4):
        attention = Attention(64, 4, 16, dropout=0.1)
        hidden = [nn.Linear(64, 128), nn.GELU(), nn.Dropout(0.1), nn.Linear(128, 64), nn.GELU()]
        blocks += [
            Sum(nn.Sequential(nn.LayerNorm(64), attention)),
            Sum(nn.Sequential(nn.LayerNorm(64), *hidden)),
        ]
    mean = Call(lambda values: values.mean(1))
    return nn.Sequential(
        _scale(), nn.Conv2d(3, 64, 6, 6), _positions(), *blocks, nn.LayerNorm(64), mean,
        nn.Linear(64, NUM_CLASSES),
    )  # fmt: skip


def _resnet20() -> nn.Module:
    blocks: list[nn.Module] = []
    before = 16
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            branch = [*_normalized(before, filters, 3, stride), nn.ReLU()]
            branch += _normalized(filters, filters, 3)
            shortcut = nn.Sequential(*_normalized(before, filters, 1, 2)) if stride > 1 else None
            blocks += [Sum(nn.Sequential(*branch), shortcut), nn.ReLU()]
            before = filters
    stem = [*_normalized(3, 16, 3), nn.ReLU()]
    return nn.Sequential(_scale(), *stem, *blocks, _mean(), nn.Linear(64, NUM_CLASSES))


def _cct() -> nn.Module:
    width = 128
    stem: list[nn.Module] = []
    for before, after in ((3, 64), (64, width)):
        stem += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.ReLU()]
        stem.append(nn.MaxPool2d(3, 2, padding=1))
    blocks: list[nn.Module] = []
    for rate in (0.0, 0.1):
        attention = Attention(width, 2, width, dropout=0.1)
        hidden = [nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1)]
        hidden += [nn.Linear(width, width), nn.GELU(), nn.Dropout(0.1)]
        for branch in ([attention], hidden):
            normalized = nn.LayerNorm(width, eps=1e-5)
            blocks.append(Sum(nn.Sequential(normalized, *branch, StochasticDepth(rate))))
    return nn.Sequential(
        Augment(), _scale(), *stem, _positions(), LearnedPositions(64, width), *blocks,
        nn.LayerNorm(width), SequencePooling(width), nn.Linear(width, NUM_CLASSES),
    )  # fmt: skip


def _mobilenet() -> nn.Module:
    stack = _inverted_residuals(MOBILENET_STAGES)
    return nn.Sequential(*stack, _mean(), nn.Linear(1280, NUM_CLASSES))


def _lite0() -> nn.Module:
    stack = nn.Sequential(*_inverted_residuals(LITE0_STAGES))
    for name, module in list(stack.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            stack.set_submodule(name, Frozen(module))
    rescale = Call(lambda images: images / 127 - 1)
    return nn.Sequential(rescale, stack, _mean(), nn.Dropout(0.2), nn.Linear(1280, NUM_CLASSES))


def _transfer() -> nn.Module:
    base = Frozen(nn.Sequential(*_inverted_residuals(MOBILENET_STAGES), _mean()))
    rescale = Call(lambda images: images / 127.5 - 1)
    return nn.Sequential(rescale, base, nn.Dropout(0.2), nn.Linear(1280, NUM_CLASSES))


class Frozen(nn.Module):
    """A network that is not trained, and whose moving statistics are used."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


def _inverted_residuals(stages: Iterable[Stage]) -> list[nn.Module]:
    stack = [*_normalized(3, 32, 3, 2), nn.ReLU6()]
    before = 32
    for stage in stages:
        for block in range(stage.num_blocks):
            stride, wide = 1 if block else stage.stride, before * stage.expansion
            layers = [*_normalized(before, wide, 1), nn.ReLU6()] if wide > before else []
            layers += [*_normalized(wide, wide, stage.kernel_size, stride, wide), nn.ReLU6()]
            branch = nn.Sequential(*layers, *_normalized(wide, stage.channels, 1))
            stack.append(Sum(branch) if stride == 1 and before == stage.channels else branch)
            before = stage.channels
    return [*stack, *_normalized(before, 1280, 1), nn.ReLU6()]


def _vgg16() -> nn.Module:
    stack: list[nn.Module] = []
    before = 3
    for filters, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            stack += [nn.Conv2d(before, filters, 3, padding=1), nn.ReLU()]
            before = filters
        stack.append(nn.MaxPool2d(2))
    head = [nn.Flatten(), nn.Linear(25_088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(*stack, *head, nn.Linear(4096, NUM_CLASSES))


def _resnet50() -> nn.Module:
    stack = [*_normalized(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)]
    before = 64
    for filters, num_blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(num_blocks):
            stride = 2 if not block and filters > 64 else 1
            branch = nn.Sequential(
                *_normalized(before, filters, 1, stride), nn.ReLU(),
                *_normalized(filters, filters, 3), nn.ReLU(),
                *_normalized(filters, 4 * filters, 1),
            )  # fmt: skip
            shortcut = (
                None if block else nn.Sequential(*_normalized(before, 4 * filters, 1, stride))
            )
            stack += [Sum(branch, shortcut), nn.ReLU()]
            before = 4 * filters
    return nn.Sequential(*stack, _mean(), nn.Linear(2048, NUM_CLASSES))


def _normalized(
    before: int, after: int, size: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    padding = size // 2
    convolution = nn.Conv2d(before, after, size, stride, padding, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(after)]


def _scale() -> nn.Module:
    return Call(lambda images: images / 255)


def _mean() -> nn.Module:
    return Call(lambda images: images.mean((2, 3)))


def _positions() -> nn.Module:
    """(N, C, H, W) to (N, H * W, C)."""
    return Call(lambda images: images.flatten(2).transpose(1, 2))


_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "mnist": _mnist,
    "mlp": _mlp,
    "cifar": _cifar,
    "xception": _xception,
    "convmixer": _convmixer,
    "vit": _vit,
    "resnet20": _resnet20,
    "cct": _cct,
    "transfer": _transfer,
    "lite0": _lite0,
    "MobileNetV2": _mobilenet,
    "VGG16": _vgg16,
    "ResNet50": _resnet50,
}
