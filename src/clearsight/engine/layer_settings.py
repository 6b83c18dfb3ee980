"""`layer_settings`: what a compiled program depends on, to notice that it has changed."""

from typing import Any

from clearsight.models.backend import keras
from clearsight.models.keras_internals.layers import flatten_layers

_PLAIN = (bool, int, float, str, tuple, type(None))
_KERAS_SETS = {"training", "built", "_called"}
"""Attributes that Keras sets while a model runs."""


def layer_settings(model: keras.Model) -> tuple[Any, ...]:
    """Return the attributes of a model's layers and optimizer: plain values, others by identity.

    If two are equal, then compiling the model again would give the same steps.
    """
    optimizer: Any = model.optimizer if model.compiled else None
    owners = [*flatten_layers(model), *([optimizer] if optimizer is not None else [])]
    return tuple(
        (name, value if isinstance(value, _PLAIN) else id(value))
        for owner in owners
        for name, value in vars(owner).items()
        if name not in _KERAS_SETS
    ) + tuple(id(variable) for variable in model.trainable_variables)
