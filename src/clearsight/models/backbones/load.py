"""Load a backbone: its Keras graph with its pretrained weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clearsight.errors import ModelError, describe_found
from clearsight.models.backbones.backbone import Backbone, ImageSize
from clearsight.models.backbones.cached_weights import read_cached, write_cached
from clearsight.models.backbones.table import find_backbone
from clearsight.models.backbones.wheel_weights import WheelWeights

if TYPE_CHECKING:
    import keras

_MIN_SIDE = 32  # pixels: these networks halve a map five times
_log = logging.getLogger(__name__)


def load_backbone(name: str, *, image_size: ImageSize | None = None) -> keras.Model:
    """Load a pretrained network without its classifier.

    Args:
        name: of a backbone; see `clearsight backbones`.
        image_size: height and width of the images; by default the backbone's own.

    Returns:
        A Functional model from raw RGB pixels 0..255, float32 (N, H, W, 3), which its own first
        layers scale, to features, float32 (N, D).

    Raises:
        ModelError: if there is no such backbone, the size does not fit it, or its weights cannot
            be fetched or are not the published ones.
        MissingExtraError: if the weights are in a package that is not installed.
    """
    backbone = find_backbone(name)
    size = _check_size(image_size, backbone)
    if not (backbone.is_at_hand() or isinstance(backbone.source, WheelWeights)):
        _log.info(
            "The weights of %s (%.0f MB, licence %s) are downloaded once from %s.",
            backbone.name,
            backbone.source.size_bytes / 1e6,
            backbone.licence,
            backbone.source.origin,
        )
    weights = read_cached(name)
    if weights is None:
        weights = backbone.source.read()
        write_cached(name, weights)
    model = build_backbone(backbone, size)
    if backbone.fit_to_size is not None:
        weights = backbone.fit_to_size(weights, size)
    assign_weights(model, weights)
    return model


def build_backbone(backbone: Backbone, image_size: ImageSize) -> keras.Model:
    """Build a backbone with random weights."""
    from clearsight.models.keras_defaults import in_channels_last, in_float32

    with in_channels_last(), in_float32():
        return backbone.build(image_size)


def _check_size(given: Any, backbone: Backbone) -> ImageSize:
    """Return the size of the images.

    Raises:
        ModelError: if it is not two whole numbers that are large enough.
    """
    if given is None:
        return backbone.image_size, backbone.image_size
    is_pair = isinstance(given, tuple | list) and len(given) == 2
    unit = backbone.multiple_of
    if not (
        is_pair
        and all(type(side) is int and side >= _MIN_SIDE and side % unit == 0 for side in given)
    ):
        multiples = f", multiples of {unit}," if unit > 1 else ""
        raise ModelError(
            f"The size of {backbone.name}'s images should be height and width of at least "
            f"{_MIN_SIDE} pixels{multiples or ','} such as ({backbone.image_size}, "
            f"{backbone.image_size}), but is {describe_found(given)}."
        )
    height, width = given
    return height, width


def assign_weights(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Assign all weights of a model, which do not include the states of random generators.

    Raises:
        ModelError: if the names or shapes are not those of the model's weights.
    """
    variables = {variable.path: variable for variable in model.weights}
    expected = {path: tuple(variable.shape) for path, variable in variables.items()}
    found = {path: array.shape for path, array in weights.items()}
    if found != expected:
        paths = sorted({*found, *expected})
        path = next(path for path in paths if found.get(path) != expected.get(path))
        raise ModelError(
            f"The weights of {model.name} should fit its layers, but {path} should have the shape "
            f"{expected.get(path)} and has {found.get(path)}: its source is of another version."
        )
    for path, variable in variables.items():
        variable.assign(weights[path])
