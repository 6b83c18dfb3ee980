"""`check_unchanged`: whether a Keras layer still does what its class does."""

from typing import Any

from clearsight.engine.lowering.site import CannotLowerError
from clearsight.models.keras_internals.layers import has_torch_hooks

_DTYPES = ("float32", "bfloat16", "float64")


def check_unchanged(layer: Any) -> None:
    """Check that nothing was added to a layer or replaced in it.

    Raises:
        CannotLowerError: with what was.
    """
    if {"call", "__call__"} & vars(layer).keys():
        raise CannotLowerError("its `call` was replaced")
    if has_torch_hooks(layer):
        raise CannotLowerError("it has hooks of torch")
    if layer.compute_dtype not in _DTYPES:
        raise CannotLowerError(f"its dtype policy computes in {layer.compute_dtype}")
    if layer.activity_regularizer is not None:
        raise CannotLowerError("it has an activity_regularizer")
