"""The galleries of the saliency section: images with their heat maps."""

from typing import Any

import numpy as np

from clearsight.display.thumbnail import Thumbnail, thumbnail
from clearsight.evaluation.saliency.saliency import Saliency, SaliencyExample
from clearsight.report.rendering import percent

# From no evidence to the strongest: dark blue, violet, orange, pale yellow, evenly lighter.
_HEAT = np.array([[13, 8, 75], [126, 3, 168], [225, 100, 98], [252, 206, 37], [255, 255, 190]])
_MAX_OPACITY = 0.75  # opacity of the strongest evidence over the image


def saliency_galleries(saliency: Saliency) -> list[dict[str, Any]]:
    """Return the galleries of images with their heat maps; there are none without heat maps."""
    galleries = (
        ("Correct predictions", saliency.correct),
        ("Most confident mistakes", saliency.mistakes),
    )
    return [
        {"title": title, "images": [_example(each, saliency.class_names) for each in examples]}
        for title, examples in galleries
        if examples and saliency.heat_maps is not None
    ]


def overlay(image: np.ndarray, heat_map: np.ndarray) -> np.ndarray:
    """Lay a heat map over a grey version of an image: uint8 (H, W, 3).

    Args:
        image: uint8 (H, W, C).
        heat_map: float (H, W), 0..1.
    """
    grey = image[..., :3].astype(np.float64).mean(axis=-1, keepdims=True)
    stops = np.linspace(0, 1, len(_HEAT))
    color = np.stack([np.interp(heat_map, stops, _HEAT[:, axis]) for axis in range(3)], axis=-1)
    opacity = _MAX_OPACITY * (0.35 + 0.65 * heat_map[..., None])
    return np.clip((1 - opacity) * grey + opacity * color, 0, 255).astype(np.uint8)


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
