"""Which precision a network computes in."""

from typing import get_args

import torch

from clearsight.engine.runtime.choices import Device, Precision, PrecisionChoice
from clearsight.engine.runtime.processor import cpu_supports
from clearsight.io.argument_checks import check_choice
from clearsight.models.backend import keras

DTYPES: dict[Precision, torch.dtype] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
}


def choose_precision(choice: PrecisionChoice, device: Device) -> Precision:
    """Resolve "auto": bfloat16 where the machine multiplies in it, float32 where it would emulate.

    Weights, normalization statistics, loss and optimizer state are float32 in either.

    Raises:
        RequestError: if `choice` is none of these.
    """
    check_choice(choice, "precision", get_args(PrecisionChoice))
    if choice != "auto":
        return choice
    return "bfloat16" if _is_fast_in_bfloat16(device) else "float32"


def set_policies(model: keras.Model, precision: Precision) -> None:
    """Make Keras itself compute in `precision`, by the dtype policies of its layers.

    The last layer stays in float32, because probabilities and loss need its accuracy. The engine
    needs none of this; it is for training without it.

    Source: https://keras.io/api/mixed_precision/.
    """
    if precision == "float32":
        return
    *hidden, last = model.layers
    for layer in hidden:
        if isinstance(layer, keras.Model):
            set_policies(layer, precision)
        layer.dtype_policy = f"mixed_{precision}"
    last.dtype_policy = "float32"


def _is_fast_in_bfloat16(device: Device) -> bool:
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return cpu_supports("avx512_bf16") or cpu_supports("amx_tile")
