"""The words that lowering is written in: an operation on torch tensors, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

Weights = tuple[torch.Tensor | None, ...]


class Axes(Enum):
    """In which order the axes of a tensor with rows, columns and channels stand.

    Memory is channels-last in every case, so that changing from one to the other copies nothing.
    """

    KERAS = "as Keras has them: (N, H, W, C) for data_format channels_last"
    CHANNELS_SECOND = "(N, C, H, W), as torch's image operations want them"
    ANY = "whichever way they come"


class CannotLowerError(Exception):
    """Raised while lowering when a layer must be left to Keras; says why."""


@dataclass(frozen=True)
class Site:
    """Where a layer is called.

    Attributes:
        training: whether the program trains (dropout drops, batch statistics are used).
        dtype: what convolutions and matrix products compute in.
        input_shapes: shapes of the inputs as Keras has them, the batch axis left out.
    """

    training: bool
    dtype: torch.dtype
    input_shapes: tuple[tuple[int | None, ...], ...]

    @property
    def rank(self) -> int:
        """Number of axes of the first input, the batch axis counted."""
        return len(self.input_shapes[0]) + 1


@dataclass(frozen=True)
class Operation:
    """One step on torch tensors.

    Attributes:
        apply: takes the inputs, then the weights, and gives the output.
        weights: makes the weights as `apply` wants them, from the Keras variables as they are now;
            called for every training step, but once for a whole evaluation.
        takes: how the axes of every input must stand.
        gives: how the output's axes stand; None: as they were taken.
        kind: what fusion looks for: "relu", "max_pool", "softmax", or "".
        with_relu: for a max pooling of 2x2 side by side, the same with a ReLU in one.
        affine: for a normalization with fixed statistics, makes scale and shift, each (C,).
        absorb: for a convolution, gives the operation followed by a scale and shift of channels.
        pooled: for a convolution, gives the operation followed by max pooling of 2x2 side by side,
            and by a ReLU if told True, in one; where there is such a thing.
    """

    apply: Callable[..., torch.Tensor]
    weights: Callable[[], Weights] | None = None
    takes: Axes = Axes.KERAS
    gives: Axes | None = None
    kind: str = ""
    with_relu: Callable[[torch.Tensor], torch.Tensor] | None = None
    affine: Callable[[], tuple[torch.Tensor, torch.Tensor]] | None = None
    absorb: Callable[[Callable[[], tuple[torch.Tensor, torch.Tensor]]], Operation] | None = None
    pooled: Callable[[bool], Operation] | None = None


def value_of(variable: Any) -> torch.Tensor | None:
    """Return a Keras variable's own tensor, not a copy; None for None."""
    return None if variable is None else variable.value


def cast(tensor: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Cast a tensor that may be absent."""
    return None if tensor is None else tensor.to(dtype)


def image_axes(layer: Any, site: Site) -> Axes:
    """Return how a layer with a ``data_format`` wants its images, once lowered to torch."""
    if site.rank != 4:
        raise CannotLowerError(f"its input has {site.rank} axes, images have 4")
    return Axes.KERAS if layer.data_format == "channels_first" else Axes.CHANNELS_SECOND
