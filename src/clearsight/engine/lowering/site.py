"""`Site`: what the lowering of a layer depends on, besides the layer."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from clearsight.engine.operations.operation import Axes
from clearsight.models.backend import keras
from clearsight.models.graph import Call


class CannotLowerError(Exception):
    """A layer must be left to Keras; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class TensorArgument:
    """An argument of a call that is one of its input tensors.

    Attributes:
        index: of the tensor among the call's inputs; the first, if it is given several times.
        dtype: Keras's name of its type.
    """

    index: int
    dtype: str


@dataclass(frozen=True)
class Site:
    """Where a layer is called.

    Attributes:
        training: whether the program trains (dropout drops, batch statistics are used).
        dtype: what convolutions and matrix products compute in.
        input_shapes: shapes of the inputs in Keras's order of axes, without the batch axis.
        arguments: what the layer is called with, by the names of the parameters of its `call`, in
            their order: a `TensorArgument` instead of each tensor, without ``training`` and
            without defaults.
    """

    training: bool
    dtype: torch.dtype
    input_shapes: tuple[tuple[int | None, ...], ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        """Number of axes of the first input, with the batch axis."""
        return len(self.input_shapes[0]) + 1

    @property
    def keeps_bits(self) -> bool:
        """Whether every rounding is Keras's: in training, in float32 and float64.

        That needs Keras's own operations, their order, and Keras's memory layout, because sums add
        and vectorized activations group values in the order of memory.
        """
        return self.training and self.dtype is not torch.bfloat16

    def image_order(self, layer: Any) -> Axes:
        """Return the order of axes of a layer's images, by its ``data_format``, in torch.

        Raises:
            CannotLowerError: if its input is no image.
        """
        if self.rank != 4:
            raise CannotLowerError(f"its input has {self.rank} axes, images have 4")
        return Axes.KERAS if layer.data_format == "channels_first" else Axes.CHANNELS_SECOND


def arguments_of(call: Call) -> dict[str, Any]:
    """Return `Site.arguments` of a call."""
    indices = {id(tensor): index for index, tensor in reversed([*enumerate(call.inputs)])}

    def as_argument(value: Any) -> Any:
        return TensorArgument(indices[id(value)], value.dtype) if id(value) in indices else value

    signature = inspect.signature(call.layer.call)
    bound = signature.bind(*call.arguments.args, **call.arguments.kwargs).arguments
    return {
        name: keras.tree.map_structure(as_argument, value)
        for name, value in bound.items()
        if name != "training" and value is not signature.parameters[name].default
    }
