"""`lower`: from a Keras layer to its operations in torch."""

from typing import Any

from clearsight.engine.lowering import ARGUMENTS, LOWERINGS
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.lowering.unchanged import check_unchanged
from clearsight.engine.operations.operation import Operation
from clearsight.models.backend import keras

_BY_CLASS = dict(LOWERINGS.values())

# Keras's torch backend computes these partly in float32 if their dtype policy is float64, since its
# type promotion never results in float64: a matrix product's result, for one.
_ROUNDED_BY_KERAS = (
    "BatchNormalization",
    "Dense",
    "EinsumDense",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GroupNormalization",
    "GroupedQueryAttention",
    "LayerNormalization",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Normalization",
    "RMSNormalization",
    "UnitNormalization",
)


def is_lowered(layer: Any) -> bool:
    """Return whether the engine knows a layer's class."""
    return type(layer) in _BY_CLASS


def lower(layer: Any, site: Site) -> list[Operation]:
    """Return the operations that compute a layer at a site; none if it does nothing there.

    Raises:
        CannotLowerError: if the layer, or an option of it, must be left to Keras.
    """
    lowering = _BY_CLASS.get(type(layer))
    if lowering is None:
        raise CannotLowerError("the engine does not know its class")
    check_unchanged(layer)
    surplus = [*site.arguments][1:]
    if not set(surplus) <= set(ARGUMENTS.get(type(layer), ())):
        raise CannotLowerError(f"it is called with {', '.join(surplus)}")
    is_rounded = keras.backend.result_type("float64", "float64") == "float32"
    if (
        layer.compute_dtype == "float64"
        and is_rounded
        and type(layer).__name__ in _ROUNDED_BY_KERAS
    ):
        raise CannotLowerError(
            "Keras computes it partly in float32, although its policy is float64"
        )
    return lowering(layer, site)
