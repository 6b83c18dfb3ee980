"""The section of the saliency: heat maps with their check, filters, feature maps, arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from clearsight.evaluation.saliency.feature_maps import LayerMaps
from clearsight.evaluation.saliency.filters import Filters
from clearsight.evaluation.saliency.saliency import Saliency, SaliencyExample
from clearsight.evaluation.saliency.worked_example import WorkedExample
from clearsight.report.numbers import percent, signed
from clearsight.report.thumbnail import Thumbnail, thumbnail

_MOST_FILTERS = 12
_MOST_PATCHES = 3
_SMALL_SIDE = 56  # pixels, of a filter, a patch or a feature map
# From no evidence to the strongest: dark blue, violet, orange, pale yellow, evenly lighter.
_HEAT = np.array([[13, 8, 75], [126, 3, 168], [225, 100, 98], [252, 206, 37], [255, 255, 190]])
_MOST_OPAQUE = 0.75  # opacity of the strongest evidence over the image


def saliency_section(saliency: Saliency) -> dict[str, Any]:
    """Return what the section shows."""
    names = saliency.class_names
    check, filters, example = saliency.deletion_check, saliency.filters, saliency.worked_example
    galleries = (
        ("Correct predictions", saliency.correct),
        ("Most confident mistakes", saliency.mistakes),
    )
    subject = saliency.feature_map_image
    return {
        "source": _heat_map_source(saliency),
        "verdict": check.verdict if check is not None else None,
        "galleries": [
            {"title": title, "images": [_example(each, names) for each in examples]}
            for title, examples in galleries
            if examples and saliency.method is not None
        ],
        "filters": _filters(filters) if filters is not None else None,
        "maps": [_layer_maps(layer) for layer in saliency.feature_maps],
        "map_image": thumbnail(subject.image, "the image that the feature maps are of"),
        "map_caption": f"{subject.name}, true class {names[subject.label]}",
        "worked": _worked(example) if example is not None else None,
        "missing": saliency.missing,
    }


def overlay(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """Lay a heat map over a grey version of an image: uint8 (H, W, 3).

    Args:
        image: uint8 (H, W, C).
        heat_map: float (H, W), 0..1.
    """
    grey = image[..., :3].astype(np.float64).mean(axis=-1, keepdims=True)
    stops = np.linspace(0, 1, len(_HEAT))
    color = np.stack([np.interp(heat_map, stops, _HEAT[:, axis]) for axis in range(3)], axis=-1)
    opacity = _MOST_OPAQUE * (0.35 + 0.65 * heat_map[..., None])
    return np.clip((1 - opacity) * grey + opacity * color, 0, 255).astype(np.uint8)


def _heat_map_source(saliency: Saliency) -> str | None:
    if saliency.method is None or saliency.heat_map_grid is None:
        return None
    rows, columns = saliency.heat_map_grid
    return (
        f"Heat maps by {saliency.method} at layer {saliency.heat_map_layer}, whose output has "
        f"{rows}×{columns} values: the maps are no finer than that. Yellow is the strongest "
        "evidence for the predicted class; for a mistake, the second map is for the true class."
    )


def _example(example: SaliencyExample, names: tuple[str, ...]) -> dict[str, Any]:
    label, predicted = names[example.label], names[example.predicted]
    images: list[Thumbnail] = [thumbnail(example.image, f"{example.name}, {label}")]
    for heat_map, name in ((example.heat_map, predicted), (example.label_heat_map, label)):
        if heat_map is not None:
            alt = f"{example.name}: heat map of the evidence for {name}"
            images.append(thumbnail(overlay(example.image, heat_map), alt))
    return {
        "images": images,
        "label": label,
        "predicted": predicted,
        "confidence": percent(example.probability),
        "is_correct": example.label == example.predicted,
        "name": example.name,
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
        "num_constant": layer.num_constant,
        "images": [
            thumbnail(image, f"feature map {channel} of {layer.layer_name}", _SMALL_SIDE)
            for channel, image in zip(layer.channels.tolist(), layer.images, strict=True)
        ],
    }


def _worked(example: WorkedExample) -> dict[str, Any]:
    """Return the example's table: each input value times its weight, channel by channel."""
    rows, columns, channels = example.patch.shape
    return {
        "layer": example.layer_name,
        "filter": example.filter_index,
        "row": example.row,
        "column": example.column,
        "terms": [
            [
                f"{example.patch[row, column, channel]:.3f} × "
                f"{signed(float(example.kernel[row, column, channel]))}"
                for column in range(columns)
            ]
            for channel in range(channels)
            for row in range(rows)
        ],
        "sentence": example.sentence,
        "layer_output": signed(example.layer_output),
    }
