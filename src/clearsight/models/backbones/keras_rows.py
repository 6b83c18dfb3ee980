"""The rows of the networks of `keras.applications`."""

from __future__ import annotations

from typing import Any

from clearsight.models.backbones.application import Application
from clearsight.models.backbones.backbone import Backbone
from clearsight.models.backbones.blocks import IMAGENET_SCALING
from clearsight.models.backbones.convnext import ConvNeXt
from clearsight.models.backbones.keras_weights import KerasWeights

_FROM_MINUS_ONE = "x / 127.5 - 1"


def _row(network: Application | ConvNeXt, file_name: str, checksum: str, **facts: Any) -> Backbone:
    """Return the row of a network; Keras checks the file's checksum when it has downloaded it."""
    size_bytes = 4 * facts["num_parameters"]
    image_size = facts["image_size"]
    source = KerasWeights(
        network.function, file_name, checksum, size_bytes, image_size, network.convert
    )
    return Backbone(name=network.name, source=source, build=network.build, **facts)


def _mobilenet_v3(size: str, num_blocks: int, md5: str, **facts: Any) -> Backbone:
    *lower, last = (
        "expanded_conv_" + (f"{block}_.+" if block else r"(?!\d).+") for block in range(num_blocks)
    )
    return _row(
        Application(f"mobilenet-v3-{size}", f"MobileNetV3{size.capitalize()}"),
        f"weights_mobilenet_v3_{size}_224_1.0_float_no_top_v2.h5",
        f"MD5 {md5}",
        licence="Apache-2.0",
        image_size=224,
        scaling=_FROM_MINUS_ONE,
        blocks=("images|stem_.+|conv|conv_bn.*", *lower, f"{last}|conv_1.*|features"),
        **facts,
    )


def _efficientnet_v2(size: str, repeats: tuple[int, ...], md5: str, **facts: Any) -> Backbone:
    *lower, last = (
        f"block{stage}{chr(ord('a') + block)}_.+"
        for stage, num_blocks in enumerate(repeats, start=1)
        for block in range(num_blocks)
    )
    return _row(
        Application(f"efficientnet-v2-{size}", f"EfficientNetV2{size.upper()}"),
        f"efficientnetv2-{size}_notop.h5",
        f"MD5 {md5}",
        licence="Apache-2.0",
        blocks=("images|stem_.+", *lower, f"{last}|top_.+|features"),
        **facts,
    )


def _convnext(network: ConvNeXt, sha256: str, **facts: Any) -> Backbone:
    file_name = f"{network.name.replace('-', '_')}_notop.h5"
    return _row(
        network,
        file_name,
        f"SHA-256 {sha256}",
        licence="MIT",
        image_size=224,
        scaling=IMAGENET_SCALING,
        num_features=768,
        blocks=network.block_patterns,
        **facts,
    )


def _resnet_v2_blocks(repeats: tuple[int, ...]) -> tuple[str, ...]:
    *lower, last = (
        f"conv{stage}_block{block}_.+"
        for stage, num_blocks in enumerate(repeats, start=2)
        for block in range(1, num_blocks + 1)
    )
    return ("images|stem_.+|conv1_.+|pool1_.+", *lower, f"{last}|post_.+|features")


KERAS_ROWS = (
    _mobilenet_v3(
        "small",
        11,
        "d3e8ec802a04aa4fc771ee12a9a9b836",
        summary="the fastest",
        num_features=576,
        num_parameters=939_120,
        multiply_adds=54_896_576,
        top1=0.681,
    ),
    _mobilenet_v3(
        "large",
        15,
        "07fb09a5933dd0c8eaafa16978110389",
        summary="fast and small",
        num_features=960,
        num_parameters=2_996_352,
        multiply_adds=214_080_960,
        top1=0.756,
    ),
    _efficientnet_v2(
        "b0",
        (1, 2, 2, 3, 5, 8),
        "893217f2bb855e2983157299931e43ff",
        summary="accurate for its size",
        image_size=224,
        scaling=IMAGENET_SCALING,
        num_features=1280,
        num_parameters=5_919_312,
        multiply_adds=716_806_176,
        top1=0.787,
    ),
    _efficientnet_v2(
        "b1",
        (2, 3, 3, 4, 6, 9),
        "0e80663031ca32d657f9caa404b6ec37",
        summary="deeper than B0",
        image_size=240,
        scaling=IMAGENET_SCALING,
        num_features=1280,
        num_parameters=6_931_124,
        multiply_adds=1_195_539_360,
        top1=0.798,
    ),
    _efficientnet_v2(
        "b2",
        (2, 3, 3, 4, 6, 10),
        "1dfe2e7a5d45b6632553a8961ea609eb",
        summary="deeper and wider than B0",
        image_size=260,
        scaling=IMAGENET_SCALING,
        num_features=1408,
        num_parameters=8_769_374,
        multiply_adds=1_696_134_832,
        top1=0.805,
    ),
    _efficientnet_v2(
        "b3",
        (2, 3, 3, 5, 7, 12),
        "f6abf7b5849ac99a89b50dd3fd532856",
        summary="deeper and wider than B2",
        image_size=300,
        scaling=IMAGENET_SCALING,
        num_features=1536,
        num_parameters=12_930_622,
        multiply_adds=3_009_922_816,
        top1=0.820,
    ),
    _efficientnet_v2(
        "s",
        (2, 4, 4, 6, 9, 15),
        "af0682fb74e8c54910f2d4393339c070",
        summary="for large images, where time matters less",
        image_size=384,
        scaling="x / 128 - 1",
        num_features=1280,
        num_parameters=20_331_360,
        multiply_adds=8_364_337_152,
        top1=0.839,
    ),
    _convnext(
        ConvNeXt("convnext-tiny", "ConvNeXtTiny", (3, 3, 9, 3)),
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        summary="accurate and large",
        num_parameters=27_820_128,
        multiply_adds=4_456_908_288,
        top1=0.813,
    ),
    _convnext(
        ConvNeXt("convnext-small", "ConvNeXtSmall", (3, 3, 27, 3)),
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        summary="deeper than ConvNeXt Tiny",
        num_parameters=49_454_688,
        multiply_adds=8_686_444_032,
        top1=0.823,
    ),
    _row(
        Application("resnet50-v2", "ResNet50V2", rescaling=(1 / 127.5, -1.0)),
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "MD5 fac2f116257151a9d068a22e544a4917",
        summary="the classic one, for comparisons",
        licence="Apache-2.0",
        image_size=224,
        scaling=_FROM_MINUS_ONE,
        num_features=2048,
        num_parameters=23_564_800,
        multiply_adds=3_480_207_360,
        top1=0.760,
        blocks=_resnet_v2_blocks((3, 4, 6, 3)),
    ),
)
