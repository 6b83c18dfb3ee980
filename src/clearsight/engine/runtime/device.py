"""Which device a network computes on."""

from contextlib import AbstractContextManager
from typing import get_args

from clearsight.engine.runtime.choices import Device, DeviceChoice
from clearsight.errors import RequestError
from clearsight.io.argument_checks import check_choice
from clearsight.models.backend import keras
from clearsight.option_names import option


def choose_device(choice: DeviceChoice) -> Device:
    """Settle "auto": a CUDA device where torch sees one, else the CPU.

    Raises:
        RequestError: when it is none of these, or "cuda" and torch sees none.
    """
    check_choice(choice, "device", get_args(DeviceChoice))
    import torch

    has_cuda = torch.cuda.is_available()
    if choice == "cuda" and not has_cuda:
        raise RequestError(
            "The device 'cuda' needs a GPU that torch can use, but torch sees none: use "
            f"{option('device', 'cpu')}, or install a CUDA build of torch and the GPU's driver."
        )
    if choice == "auto":
        return "cuda" if has_cuda else "cpu"
    return choice


def on_device(device: Device) -> AbstractContextManager[None]:
    """Make Keras place new variables and results on `device` within a ``with`` block."""
    return keras.device(f"{device}:0" if device == "cuda" else device)
