"""What the network looks at: heat maps with their check, filters, feature maps, a worked pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.evaluation.saliency.deletion import Deletion
from clearsight.evaluation.saliency.feature_maps import LayerMaps
from clearsight.evaluation.saliency.filters import Filters
from clearsight.evaluation.saliency.worked_pixel import WorkedPixel
from clearsight.report.numbers import percent
from clearsight.report.thumbnail import Thumbnail, thumbnail

_MOST_FILTERS = 12
_MOST_PATCHES = 3
_SMALL_SIDE = 56  # pixels, of a filter, a patch or a feature map
# From no evidence to the strongest: dark blue, violet, orange, pale yellow; lightness rises evenly.
_HEAT = np.array([[13, 8, 75], [126, 3, 168], [225, 100, 98], [252, 206, 37], [255, 255, 190]])
_GREATEST_COVER = 0.75  # how much of the image the strongest evidence hides


@dataclass(frozen=True, eq=False)
class LookedImage:
    """One image with its heat maps.

    Attributes:
        name: what to call it.
        image: uint8 (H, W, C).
        truth: its class's name.
        predicted: the name of the class that the network gives it.
        probability: of the latter, 0..1.
        heat_map: float32 (H, W), 0..1, the evidence for the named class; None for none.
        truth_heat_map: likewise for the true class, where that is another.
    """

    name: str
    image: np.ndarray
    truth: str
    predicted: str
    probability: float
    heat_map: np.ndarray | None
    truth_heat_map: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Looks:
    """What the network looks at.

    Attributes:
        right: images named rightly, one a class.
        mistakes: images named wrongly, the surest first.
        heat_map_source: method, layer and grid of the heat maps in words; None for none.
        deletion: whether the heat maps mean anything; None for none.
        filters: of the first convolution; None for none.
        feature_maps: of one image, by layer.
        feature_map_image: that image.
        worked_pixel: of the first convolution; None for none.
        missing: a sentence for each part that cannot be shown.
    """

    right: tuple[LookedImage, ...]
    mistakes: tuple[LookedImage, ...]
    heat_map_source: str | None
    deletion: Deletion | None
    filters: Filters | None
    feature_maps: tuple[LayerMaps, ...]
    feature_map_image: LookedImage
    worked_pixel: WorkedPixel | None
    missing: tuple[str, ...]


def looks_section(looks: Looks) -> dict[str, Any]:
    """Return what the section shows."""
    galleries = (("Named rightly", looks.right), ("Surest mistakes", looks.mistakes))
    return {
        "source": looks.heat_map_source,
        "verdict": looks.deletion.verdict if looks.deletion is not None else None,
        "galleries": [
            {"title": title, "images": [_looked(each) for each in images]}
            for title, images in galleries
            if images and looks.heat_map_source is not None
        ],
        "filters": _filters(looks.filters) if looks.filters is not None else None,
        "maps": [_layer_maps(layer) for layer in looks.feature_maps],
        "map_image": thumbnail(
            looks.feature_map_image.image,
            "the image that the maps are of",
        ),
        "map_caption": f"{looks.feature_map_image.name}, {looks.feature_map_image.truth}",
        "worked": _worked(looks.worked_pixel) if looks.worked_pixel is not None else None,
        "missing": looks.missing,
    }


def overlaid(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """Lay a heat map over an image made grey: uint8 (H, W, 3).

    Args:
        image: uint8 (H, W, C).
        heat_map: float (H, W), 0..1.
    """
    grey = image[..., :3].astype(np.float64).mean(axis=-1, keepdims=True)
    places = np.linspace(0, 1, len(_HEAT))
    color = np.stack([np.interp(heat_map, places, _HEAT[:, axis]) for axis in range(3)], axis=-1)
    cover = _GREATEST_COVER * (0.35 + 0.65 * heat_map[..., None])
    return np.clip((1 - cover) * grey + cover * color, 0, 255).astype(np.uint8)


def _looked(image: LookedImage) -> dict[str, Any]:
    is_right = image.truth == image.predicted
    shown: list[Thumbnail] = [thumbnail(image.image, f"{image.name}, {image.truth}")]
    for heat_map, name in (
        (image.heat_map, image.predicted),
        (image.truth_heat_map, image.truth),
    ):
        if heat_map is not None:
            shown.append(
                thumbnail(
                    overlaid(image.image, heat_map),
                    f"{image.name}: heat map of the evidence for {name}",
                )
            )
    return {
        "images": shown,
        "truth": image.truth,
        "predicted": image.predicted,
        "confidence": percent(image.probability),
        "is_right": is_right,
        "name": image.name,
    }


def _filters(filters: Filters) -> dict[str, Any]:
    shown = filters.shown[:_MOST_FILTERS]
    return {
        "layer": filters.layer_name,
        "num_shown": len(shown),
        "num_filters": filters.num_filters,
        "shown": [
            {
                "kernel": thumbnail(
                    each.image,
                    f"filter {each.index}: weights from {each.lowest:.2f} to {each.highest:.2f}",
                    _SMALL_SIDE,
                ),
                "index": each.index,
                "range": f"{each.lowest:.2f} to {each.highest:.2f}".replace("-", "−"),
                "patches": [
                    thumbnail(patch, f"a patch that filter {each.index} responds to", _SMALL_SIDE)
                    for patch in each.patches[:_MOST_PATCHES]
                ],
            }
            for each in shown
        ],
    }


def _layer_maps(layer: LayerMaps) -> dict[str, Any]:
    return {
        "layer": layer.layer_name,
        "kind": layer.kind,
        "num_maps": layer.num_maps,
        "num_even": layer.num_even,
        "images": [
            thumbnail(image, f"feature map {channel} of {layer.layer_name}", _SMALL_SIDE)
            for channel, image in zip(layer.channels.tolist(), layer.images, strict=True)
        ],
    }


def _worked(pixel: WorkedPixel) -> dict[str, Any]:
    """Return the pixel's table: what the kernel lies on, times the kernel, by channel."""
    rows, columns, channels = pixel.patch.shape
    return {
        "layer": pixel.layer_name,
        "filter": pixel.filter_index,
        "row": pixel.row,
        "column": pixel.column,
        "terms": [
            [
                f"{pixel.patch[row, column, channel]:.3f} × "
                f"{_signed(float(pixel.kernel[row, column, channel]))}"
                for column in range(columns)
            ]
            for channel in range(channels)
            for row in range(rows)
        ],
        "sum": _signed(pixel.sum_of_products),
        "bias": _signed(pixel.bias),
        "total": _signed(pixel.total),
        "activation": pixel.activation,
        "output": _signed(pixel.output),
        "layer_output": _signed(pixel.layer_output),
    }


def _signed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")
