"""`KerasCall`: a call that Keras runs itself, because the engine cannot promise the same result."""

from dataclasses import dataclass
from typing import Any

import torch

from clearsight.engine.operations.operation import Operation
from clearsight.models.backend import keras
from clearsight.models.graph import Call
from clearsight.models.keras_internals.names import get_keras_mask


class UnexpectedMaskError(Exception):
    """A layer attached a mask to its output that the model's graph does not show."""


@dataclass(frozen=True, eq=False)
class KerasCall(Operation):
    """A call of a layer, a nested model or an operation, within the model's call context.

    Attributes:
        call: the call.
        training: whether the model trains.
    """

    call: Call
    training: bool

    def apply(self, *values: Any) -> Any:
        """Make the call; return what it returns, flat if that is several tensors.

        Raises:
            UnexpectedMaskError: if an output has a mask where the graph has none.
        """
        outputs = keras.tree.flatten(self.call.replay(*values, training=self.training))
        for symbolic, output in zip(self.call.outputs, outputs, strict=True):
            if get_keras_mask(output) is not None and get_keras_mask(symbolic) is None:
                raise UnexpectedMaskError(self.call.layer.name)
        return outputs[0] if len(outputs) == 1 else outputs


@dataclass(frozen=True, eq=False)
class Pick(Operation):
    """One of the several outputs of a `KerasCall`.

    Attributes:
        index: which.
    """

    index: int

    def apply(self, outputs: list[torch.Tensor]) -> torch.Tensor:
        """Return it."""
        return outputs[self.index]
