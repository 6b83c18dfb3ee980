"""`Operation`: one computation on torch tensors, and `Function`, the general case of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch

Weights = tuple[torch.Tensor | None, ...]


class Axes(Enum):
    """Order of the axes of a tensor of images.

    Memory is channels-last in every case, so that changing from one to the other copies nothing.
    """

    KERAS = "as Keras has them: (N, H, W, C) for data_format channels_last"
    CHANNELS_SECOND = "(N, C, H, W), as torch's image operations expect them"
    ANY = "either"


@dataclass(frozen=True, eq=False, kw_only=True)
class Operation(ABC):
    """One computation on torch tensors; what passes match and rewrite are fields of subclasses.

    Attributes:
        input_axes: order of the axes of every input.
        output_axes: order of the output's axes; None: that of the inputs.
        changes_state: whether running it changes variables of its layer that are not trained, such
            as moving statistics or the state of a random generator.
    """

    input_axes: Axes = Axes.KERAS
    output_axes: Axes | None = None
    changes_state: bool = False

    @abstractmethod
    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Return the output, given the inputs and after them the weights."""

    def weights(self) -> Weights:
        """Return the weights as `apply` takes them, from the Keras variables as they are now.

        Called for every training step, but once for a whole evaluation.
        """
        return ()


@dataclass(frozen=True, eq=False)
class Function(Operation):
    """An operation that no pass looks into.

    Attributes:
        function: of the inputs and the weights.
        make_weights: see `Operation.weights`.
    """

    function: Callable[..., Any]
    make_weights: Callable[[], Weights] = tuple

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)

    def weights(self) -> Weights:
        """Make the weights."""
        return self.make_weights()


@dataclass(frozen=True, eq=False)
class Permute(Operation):
    """A view with the axes in another order."""

    order: tuple[int, ...]

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """Return the view."""
        return values.permute(self.order)


def value_of(variable: Any) -> torch.Tensor | None:
    """Return a Keras variable's own tensor, not a copy; None for None."""
    return None if variable is None else variable.value


def cast(tensor: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Cast a tensor that may be absent."""
    return None if tensor is None else tensor.to(dtype)


def accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return what statistics and sums are computed in if products are in `dtype`."""
    return torch.promote_types(dtype, torch.float32)
