"""`Site`: what the lowering of a layer depends on, besides the layer."""

from dataclasses import dataclass
from typing import Any

import torch

from clearsight.engine.operations.operation import Axes


class CannotLowerError(Exception):
    """A layer must be left to Keras; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Site:
    """Where a layer is called.

    Attributes:
        training: whether the program trains (dropout drops, batch statistics are used).
        dtype: what convolutions and matrix products compute in.
        input_shapes: shapes of the inputs in Keras's order of axes, without the batch axis.
    """

    training: bool
    dtype: torch.dtype
    input_shapes: tuple[tuple[int | None, ...], ...]

    @property
    def rank(self) -> int:
        """Number of axes of the first input, with the batch axis."""
        return len(self.input_shapes[0]) + 1

    def image_order(self, layer: Any) -> Axes:
        """Return the order of axes of a layer's images, by its ``data_format``, in torch.

        Raises:
            CannotLowerError: if its input is no image.
        """
        if self.rank != 4:
            raise CannotLowerError(f"its input has {self.rank} axes, images have 4")
        return Axes.KERAS if layer.data_format == "channels_first" else Axes.CHANNELS_SECOND
