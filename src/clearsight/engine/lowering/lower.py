"""`lower`: from a Keras layer to its operations in torch."""

from typing import Any

from clearsight.engine.lowering import LOWERINGS
from clearsight.engine.lowering.site import CannotLowerError, Site
from clearsight.engine.operations.operation import Operation

_BY_CLASS = dict(LOWERINGS.values())
_DTYPES = ("float32", "bfloat16", "float64")


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
    if layer.compute_dtype not in _DTYPES:
        raise CannotLowerError(f"its dtype policy computes in {layer.compute_dtype}")
    if layer.activity_regularizer is not None:
        raise CannotLowerError("it has an activity_regularizer")
    return lowering(layer, site)
