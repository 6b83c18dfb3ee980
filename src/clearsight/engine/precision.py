"""Which precision a network computes in."""

from __future__ import annotations

from typing import Literal

from clearsight.models.backend import keras

PrecisionChoice = Literal["auto", "float32", "bfloat16"]
Precision = Literal["float32", "bfloat16"]


def choose_precision(choice: PrecisionChoice) -> Precision:
    """Settle "auto": float32, in which plain Keras is fastest on a CPU and exact everywhere."""
    return "bfloat16" if choice == "bfloat16" else "float32"


def set_precision(model: keras.Model, precision: Precision) -> None:
    """Let every layer but the last compute in `precision`; weights stay float32.

    The last layer stays in float32, because probabilities and loss need its accuracy.

    Source: https://keras.io/api/mixed_precision/.
    """
    if precision == "float32":
        return
    *hidden, last = model.layers
    for layer in hidden:
        if isinstance(layer, keras.Model):
            set_precision(layer, precision)
        layer.dtype_policy = f"mixed_{precision}"
    last.dtype_policy = "float32"
