"""The random layers that classifiers begin with; each draws what plain Keras would draw.

Keras's torch backend moves images one after the other; here a whole batch is sampled at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from clearsight.engine.lowering.operation import CannotLowerError, Operation, Site


def random_flip(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomFlip."""
    return _as_keras_does(layer, site)


def random_contrast(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomContrast."""
    return _as_keras_does(layer, site)


def random_erasing(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomErasing."""
    return _as_keras_does(layer, site)


def random_translation(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomTranslation."""

    def matrices(images: torch.Tensor) -> torch.Tensor:
        drawn = layer.get_random_transformation(images, training=True)
        return layer._get_translation_matrix(drawn["translations"])

    return _affine(layer, site, matrices)


def random_rotation(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomRotation."""

    def matrices(images: torch.Tensor) -> torch.Tensor:
        return layer.get_random_transformation(images, training=True)["rotation_matrix"]

    return _affine(layer, site, matrices)


def random_zoom(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomZoom."""
    is_first = layer.data_format == "channels_first"

    def matrices(images: torch.Tensor) -> torch.Tensor:
        drawn = layer.get_random_transformation(images, training=True)
        zooms = torch.cat([drawn["width_zoom"], drawn["height_zoom"]], dim=1).float()
        height, width = images.shape[2:] if is_first else images.shape[1:3]
        return layer._get_zoom_matrix(zooms, height, width)

    return _affine(layer, site, matrices)


def _as_keras_does(layer: Any, site: Site) -> list[Operation]:
    """Run what Keras computes on the whole batch at once already."""
    if not site.training:
        return []
    return [Operation(lambda images: layer.call(images.float(), training=True))]


def _affine(
    layer: Any, site: Site, matrices: Callable[[torch.Tensor], torch.Tensor]
) -> list[Operation]:
    if site.rank != 4:
        raise CannotLowerError("it takes single images")
    if not site.training:
        return []
    is_first = layer.data_format == "channels_first"

    def apply(images: torch.Tensor) -> torch.Tensor:
        matrix = matrices(images)
        images = images.float()
        last = images.permute(0, 2, 3, 1) if is_first else images
        moved = sample(last, matrix, layer.interpolation, layer.fill_mode, layer.fill_value)
        return moved.permute(0, 3, 1, 2) if is_first else moved

    return [Operation(apply)]


def sample(
    images: torch.Tensor,
    matrices: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> torch.Tensor:
    """Move every image by its own affine map, as `keras.ops.image.affine_transform` does.

    Args:
        images: float32 (N, H, W, C).
        matrices: float32 (N, 8): an output place (x, y) shows the input at
            (a0 x + a1 y + a2, b0 x + b1 y + b2).
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies beyond the edges: "constant", "nearest", "wrap", "mirror", "reflect".
        fill_value: for "constant".

    Returns:
        float32 (N, H, W, C).
    """
    count, height, width, channels = images.shape
    a0, a1, a2, b0, b1, b2 = (matrices[:, place, None, None] for place in range(6))
    x = torch.arange(width, dtype=matrices.dtype, device=matrices.device)[None, None, :]
    y = torch.arange(height, dtype=matrices.dtype, device=matrices.device)[None, :, None]
    rows, columns = y * b1 + x * b0 + b2, y * a1 + x * a0 + a2
    flat = images.reshape(count * height * width, channels)
    first = (torch.arange(count, device=images.device) * (height * width))[:, None, None]
    output = torch.zeros_like(images)
    for row, row_weight in _neighbours(rows, interpolation):
        for column, column_weight in _neighbours(columns, interpolation):
            place = first + _FILL[fill_mode](row, height) * width + _FILL[fill_mode](column, width)
            values = flat[place.reshape(-1)].view(count, height, width, channels)
            if fill_mode == "constant":
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                values = torch.where(inside[..., None], values, fill_value)
            output = output + values * (row_weight * column_weight)[..., None]
    return output


def _neighbours(
    coordinate: torch.Tensor, interpolation: str
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the whole places that a coordinate lies between, and the weight of each."""
    if interpolation == "nearest":
        return [(coordinate.round().long(), torch.ones_like(coordinate))]
    lower = coordinate.floor()
    beyond = coordinate - lower
    return [(lower.long(), 1 - beyond), (lower.long() + 1, beyond)]


def _clipped(place: torch.Tensor, size: int) -> torch.Tensor:
    return place.clamp(0, size - 1)


def _wrapped(place: torch.Tensor, size: int) -> torch.Tensor:
    return place % size


def _reflected(place: torch.Tensor, size: int) -> torch.Tensor:
    """Continue ... c b a | a b c ... c | c b a ..."""
    within = place % (2 * size)
    return torch.minimum(within, 2 * size - 1 - within)


def _mirrored(place: torch.Tensor, size: int) -> torch.Tensor:
    """Continue ... c b | a b c ... z | y x ..."""
    period = max(2 * (size - 1), 1)
    within = place % period
    return torch.minimum(within, period - within)


_FILL: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "constant": _clipped,
    "nearest": _clipped,
    "wrap": _wrapped,
    "reflect": _reflected,
    "mirror": _mirrored,
}
