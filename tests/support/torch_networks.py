"""Published networks in torch, with the names of their weights in the published files.

They are written from the papers and these files, and their outputs agree with those of timm 1.0.31
and transformers 5.24 for the same weights to 1e-6 of the largest value.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


def _named(**parts: nn.Module) -> nn.Module:
    module = nn.Module()
    for name, part in parts.items():
        module.add_module(name, part)
    return module


def _convolved(values: torch.Tensor, pair: Any, first: str, second: str) -> torch.Tensor:
    return getattr(pair, second)(getattr(pair, first)(values))


def _pair(
    names: str, inputs: int, filters: int, size: int, stride: int = 1, groups: int = 1
) -> Any:
    """Return a convolution and its normalization, named "conv bn" or the like."""
    convolution = nn.Conv2d(inputs, filters, size, stride, size // 2, groups=groups, bias=False)
    return _named(**dict(zip(names.split(), (convolution, nn.BatchNorm2d(filters)), strict=True)))


class MobileNetV4Small(nn.Module):
    """As timm's ``mobilenetv4_conv_small``, without the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        # Filters, kernel sizes before and behind the expansion, expansion, stride; or filters,
        # kernel size and stride of a convolution.
        stages: list[list[tuple[int, ...]]] = [
            [(32, 3, 2), (32, 1, 1)],
            [(96, 3, 2), (64, 1, 1)],
            [(96, 5, 5, 3, 2), *[(96, 0, 3, 2, 1)] * 4, (96, 3, 0, 4, 1)],
            [
                (128, 3, 3, 6, 2), (128, 5, 5, 4, 1), (128, 0, 5, 4, 1), (128, 0, 5, 3, 1),
                *[(128, 0, 3, 4, 1)] * 2,
            ],
            [(960, 1, 1)],
        ]  # fmt: skip
        self.blocks = nn.ModuleList()
        channels = 32
        for stage in stages:
            self.blocks.append(nn.ModuleList())
            for block in stage:
                self.blocks[-1].append(self._block(channels, block))  # pyright: ignore
                channels = block[0]
        self.conv_head = nn.Conv2d(960, 1280, 1, bias=False)
        self.norm_head = nn.BatchNorm2d(1280)

    @staticmethod
    def _block(channels: int, block: tuple[int, ...]) -> nn.Module:
        if len(block) == 3:
            return _pair("conv bn1", channels, *block)
        filters, start, middle, expansion, stride = block
        between = channels * expansion
        parts = {}
        if start:
            first = 1 if middle else stride
            parts["dw_start"] = _pair("conv bn", channels, channels, start, first, channels)
        parts["pw_exp"] = _pair("conv bn", channels, between, 1)
        if middle:
            parts["dw_mid"] = _pair("conv bn", between, between, middle, stride, between)
        parts["pw_proj"] = _pair("conv bn", between, filters, 1)
        return _named(**parts)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values = functional.relu(self.bn1(self.conv_stem(images)))
        for stage in self.blocks:
            for block in stage:  # pyright: ignore
                values = self._apply_block(block, values)
        pooled = values.mean((2, 3), keepdim=True)
        return functional.relu(self.norm_head(self.conv_head(pooled))).flatten(1)

    @staticmethod
    def _apply_block(block: Any, inputs: torch.Tensor) -> torch.Tensor:
        if hasattr(block, "conv"):
            return functional.relu(_convolved(inputs, block, "conv", "bn1"))
        values = inputs
        for name, part in block.named_children():
            values = _convolved(values, part, "conv", "bn")
            values = functional.relu(values) if name in ("pw_exp", "dw_mid") else values
        return values + inputs if values.shape == inputs.shape else values


class RepViT(nn.Module):
    """As timm's ``repvit_m1_1``, without the classifiers, its branches not yet folded."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _named(
            conv1=_pair("c bn", 3, 32, 3, stride=2), conv2=_pair("c bn", 32, 64, 3, stride=2)
        )
        self.stages = nn.ModuleList()
        channels = 64
        for filters, num_blocks in ((64, 2), (128, 2), (256, 12), (512, 2)):
            parts: dict[str, nn.Module] = {}
            if self.stages:
                parts["downsample"] = _named(
                    pre_block=self._block(channels, is_gated=False),
                    spatial_downsample=_pair("c bn", channels, channels, 3, 2, channels),
                    channel_downsample=_pair("c bn", channels, filters, 1),
                    ffn=self._mlp(filters),
                )
            blocks = [self._block(filters, is_gated=index % 2 == 0) for index in range(num_blocks)]
            self.stages.append(_named(**parts, blocks=nn.ModuleList(blocks)))
            channels = filters

    @staticmethod
    def _mlp(filters: int) -> nn.Module:
        return _named(
            conv1=_pair("c bn", filters, 2 * filters, 1),
            conv2=_pair("c bn", 2 * filters, filters, 1),
        )

    @classmethod
    def _block(cls, filters: int, is_gated: bool) -> nn.Module:
        mixer = _named(
            conv=_pair("c bn", filters, filters, 3, groups=filters),
            conv1=nn.Conv2d(filters, filters, 1, groups=filters),
            bn=nn.BatchNorm2d(filters),
        )
        gate = _named(
            fc1=nn.Conv2d(filters, filters // 4, 1), fc2=nn.Conv2d(filters // 4, filters, 1)
        )
        parts = {"se": gate} if is_gated else {}
        return _named(token_mixer=mixer, **parts, channel_mixer=cls._mlp(filters))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem: Any = self.stem
        values = functional.gelu(_convolved(images, stem.conv1, "c", "bn"))
        values = _convolved(values, stem.conv2, "c", "bn")
        for stage in self.stages:
            if hasattr(stage, "downsample"):
                between: Any = stage.downsample
                values = self._apply_block(between.pre_block, values)
                values = _convolved(values, between.spatial_downsample, "c", "bn")
                values = _convolved(values, between.channel_downsample, "c", "bn")
                values = values + self._apply_mlp(between.ffn, values)
            for block in stage.blocks:  # pyright: ignore
                values = self._apply_block(block, values)
        return values.mean((2, 3))

    @staticmethod
    def _apply_mlp(mlp: Any, values: torch.Tensor) -> torch.Tensor:
        hidden = functional.gelu(_convolved(values, mlp.conv1, "c", "bn"))
        return _convolved(hidden, mlp.conv2, "c", "bn")

    @classmethod
    def _apply_block(cls, block: Any, values: torch.Tensor) -> torch.Tensor:
        mixer = block.token_mixer
        mixed = _convolved(values, mixer.conv, "c", "bn") + mixer.conv1(values) + values
        values = mixer.bn(mixed)
        if hasattr(block, "se"):
            means = values.mean((2, 3), keepdim=True)
            values = values * block.se.fc2(functional.relu(block.se.fc1(means))).sigmoid()
        return values + cls._apply_mlp(block.channel_mixer, values)


class DINOv2Small(nn.Module):
    """As the hub's ``facebook/dinov2-small``: the class token behind the last normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = _named(
            patch_embeddings=_named(projection=nn.Conv2d(3, 384, 14, 14)),
        )
        for name, shape in (("cls_token", (1, 1, 384)), ("position_embeddings", (1, 1370, 384))):
            self.embeddings.register_parameter(name, nn.Parameter(torch.randn(shape) / 2))
        self.encoder = _named(layer=nn.ModuleList(self._layer() for _ in range(12)))
        self.layernorm = nn.LayerNorm(384, 1e-6)

    @staticmethod
    def _layer() -> nn.Module:
        attention = _named(**{name: nn.Linear(384, 384) for name in ("query", "key", "value")})
        layer = _named(
            norm1=nn.LayerNorm(384, 1e-6),
            attention=_named(attention=attention, output=_named(dense=nn.Linear(384, 384))),
            layer_scale1=nn.Module(),
            norm2=nn.LayerNorm(384, 1e-6),
            mlp=_named(fc1=nn.Linear(384, 1536), fc2=nn.Linear(1536, 384)),
            layer_scale2=nn.Module(),
        )
        for scale in (layer.layer_scale1, layer.layer_scale2):
            scale.register_parameter("lambda1", nn.Parameter(torch.rand(384)))  # pyright: ignore
        return layer

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        embeddings: Any = self.embeddings
        patches = embeddings.patch_embeddings.projection(images)
        positions = embeddings.position_embeddings
        square = positions[:, 1:].reshape(1, 37, 37, 384).permute(0, 3, 1, 2)
        resized = functional.interpolate(square, patches.shape[2:], mode="bicubic")
        tokens = (patches + resized).flatten(2).transpose(1, 2)
        first = (embeddings.cls_token + positions[:, :1]).expand(len(tokens), -1, -1)
        tokens = torch.cat([first, tokens], dim=1)
        for layer in self.encoder.layer:  # pyright: ignore
            tokens = self._apply_layer(layer, tokens)
        return self.layernorm(tokens)[:, 0]

    @staticmethod
    def _apply_layer(layer: Any, tokens: torch.Tensor) -> torch.Tensor:
        normal = layer.norm1(tokens)
        query, key, value = (
            getattr(layer.attention.attention, name)(normal).unflatten(-1, (6, 64)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        attended = layer.attention.output.dense(attended.transpose(1, 2).flatten(2))
        tokens = tokens + attended * layer.layer_scale1.lambda1
        hidden = functional.gelu(layer.mlp.fc1(layer.norm2(tokens)))
        return tokens + layer.mlp.fc2(hidden) * layer.layer_scale2.lambda1


def randomize(network: nn.Module) -> nn.Module:
    """Give a network weights and statistics none of which is 0 or 1; return it for evaluation."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
                module.weight.uniform_(0.7, 1.3)
                module.bias.normal_(0, 0.2)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.2)
            elif name.endswith("running_var"):
                buffer.uniform_(1, 3)
    return network.eval()
