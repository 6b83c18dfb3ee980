"""The random layers that classifiers begin with; each draws what plain Keras would draw.

Keras's torch backend moves images one after the other; here a whole batch is sampled at once.
"""

from collections.abc import Callable
from typing import Any

import torch

from clearsight.engine.kernels import affine as kernel
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.operation import Function, Operation, accumulation_dtype
from clearsight.models.keras_internals.layers import translation_matrices, zoom_matrices


def as_keras_does(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomFlip, RandomContrast and RandomErasing, which Keras computes batch by batch."""
    if not site.training:
        return []
    dtype = accumulation_dtype(site.dtype)
    return [
        Function(lambda images: layer.call(images.to(dtype), training=True), changes_state=True)
    ]


def random_translation(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomTranslation."""
    return _affine(layer, site, lambda images: translation_matrices(layer, images))


def random_rotation(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomRotation."""

    def matrices(images: torch.Tensor) -> torch.Tensor:
        return layer.get_random_transformation(images, training=True)["rotation_matrix"]

    return _affine(layer, site, matrices)


def random_zoom(layer: Any, site: Site) -> list[Operation]:
    """Lower RandomZoom."""
    return _affine(layer, site, lambda images: zoom_matrices(layer, images))


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
        images = images.to(accumulation_dtype(site.dtype))
        last = images.permute(0, 2, 3, 1) if is_first else images
        by = kernel.sample_affine if kernel.can_sample(last, matrix) else sample
        moved = by(last, matrix, layer.interpolation, layer.fill_mode, layer.fill_value)
        return moved.permute(0, 3, 1, 2) if is_first else moved

    return [Function(apply, changes_state=True)]


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
        matrices: float32 (N, 8): the output at (x, y) is the input at
            (a0 x + a1 y + a2, b0 x + b1 y + b2).
        interpolation: "nearest" or "bilinear".
        fill_mode: what is beyond the edges: "constant", "nearest", "wrap", "mirror", "reflect".
        fill_value: for "constant".

    Returns:
        float32 (N, H, W, C).
    """
    count, height, width, channels = images.shape
    a0, a1, a2, b0, b1, b2 = (matrices[:, index, None, None] for index in range(6))
    x = torch.arange(width, dtype=matrices.dtype, device=matrices.device)[None, None, :]
    y = torch.arange(height, dtype=matrices.dtype, device=matrices.device)[None, :, None]
    rows, columns = y * b1 + x * b0 + b2, y * a1 + x * a0 + a2
    flat = images.reshape(count * height * width, channels)
    first = (torch.arange(count, device=images.device) * (height * width))[:, None, None]
    output = torch.zeros_like(images)
    for row, row_weight in _neighbours(rows, interpolation):
        for column, column_weight in _neighbours(columns, interpolation):
            fill = _FILL[fill_mode]
            index = first + fill(row, height) * width + fill(column, width)
            values = flat[index.reshape(-1)].view(count, height, width, channels)
            if fill_mode == "constant":
                inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                values = torch.where(inside[..., None], values, fill_value)
            output = output + values * (row_weight * column_weight)[..., None]
    return output


def _neighbours(
    coordinate: torch.Tensor, interpolation: str
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the pixels that a coordinate is between, and the weight of each."""
    if interpolation == "nearest":
        return [(coordinate.round().long(), torch.ones_like(coordinate))]
    lower = coordinate.floor()
    beyond = coordinate - lower
    return [(lower.long(), 1 - beyond), (lower.long() + 1, beyond)]


def _clip(index: torch.Tensor, size: int) -> torch.Tensor:
    return index.clamp(0, size - 1)


def _wrap(index: torch.Tensor, size: int) -> torch.Tensor:
    return index % size


def _reflect(index: torch.Tensor, size: int) -> torch.Tensor:
    """Continue ... c b a | a b c ... c | c b a ..."""
    within = index % (2 * size)
    return torch.minimum(within, 2 * size - 1 - within)


def _mirror(index: torch.Tensor, size: int) -> torch.Tensor:
    """Continue ... c b | a b c ... z | y x ..."""
    period = max(2 * (size - 1), 1)
    within = index % period
    return torch.minimum(within, period - within)


_FILL: dict[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "constant": _clip,
    "nearest": _clip,
    "wrap": _wrap,
    "reflect": _reflect,
    "mirror": _mirror,
}
