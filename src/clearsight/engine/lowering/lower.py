"""`lower`: from a Keras layer to its operations in torch."""

from typing import Any

from clearsight.engine.lowering import LOWERINGS
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.operation import Operation
from clearsight.models.backend import keras
from clearsight.models.keras_internals.layers import has_torch_hooks

_BY_CLASS = dict(LOWERINGS.values())
_DTYPES = ("float32", "bfloat16", "float64")

# Keras's torch backend computes these partly in float32 if their dtype policy is float64, since its
# type promotion never results in float64: a matrix product's result, for one.
_ROUNDED_BY_KERAS = (
    "BatchNormalization",
    "Dense",
    "GlobalAveragePooling2D",
    "GroupNormalization",
    "LayerNormalization",
    "Maximum",
    "Normalization",
)


def lower(layer: Any, site: Site) -> list[Operation]:
    """Return the operations that compute a layer at a site; none if it does nothing there.

    Raises:
        CannotLowerError: if the layer, or an option of it, must be left to Keras.
    """
    lowering = _BY_CLASS.get(type(layer))
    if lowering is None:
        raise CannotLowerError("the engine does not know its class")
    if {"call", "__call__"} & vars(layer).keys():
        raise CannotLowerError("its `call` was replaced")
    if has_torch_hooks(layer):
        raise CannotLowerError("it has hooks of torch")
    if layer.compute_dtype not in _DTYPES:
        raise CannotLowerError(f"its dtype policy computes in {layer.compute_dtype}")
    is_rounded = keras.backend.result_type("float64", "float64") == "float32"
    if (
        layer.compute_dtype == "float64"
        and is_rounded
        and type(layer).__name__ in _ROUNDED_BY_KERAS
    ):
        raise CannotLowerError(
            "Keras computes it partly in float32, although its policy is float64"
        )
    if layer.activity_regularizer is not None:
        raise CannotLowerError("it has an activity_regularizer")
    return lowering(layer, site)
