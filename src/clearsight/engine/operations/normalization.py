"""Batch normalization by moving statistics."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.operations.operation import (
    Operation,
    Weights,
    accumulation_dtype,
    cast,
    value_of,
)


@dataclass(frozen=True, eq=False)
class MovingNormalization(Operation):
    """Normalization by moving statistics: a scale and a shift of each channel.

    Attributes:
        mean: Keras variable, (C,).
        variance: likewise.
        gamma: likewise, or None.
        beta: likewise, or None.
        epsilon: added to the variance.
    """

    mean: Any
    variance: Any
    gamma: Any
    beta: Any
    epsilon: float

    def weights(self) -> Weights:
        """Return mean, variance, scale and shift."""
        variables = (self.mean, self.variance, self.gamma, self.beta)
        return tuple(value_of(variable) for variable in variables)

    def apply(
        self,
        values: torch.Tensor,
        mean: torch.Tensor,
        variance: torch.Tensor,
        gamma: torch.Tensor | None,
        beta: torch.Tensor | None,
    ) -> torch.Tensor:
        """Normalize values whose second axis is that of the channels."""
        dtype = accumulation_dtype(values.dtype)
        return functional.batch_norm(
            values,
            mean.to(dtype),
            variance.to(dtype),
            cast(gamma, dtype),
            cast(beta, dtype),
            eps=self.epsilon,
        )

    def scale_and_shift(self, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the same as one factor and one summand for each channel, each (C,)."""
        mean, variance, gamma, beta = (cast(tensor, dtype) for tensor in self.weights())
        assert mean is not None
        assert variance is not None
        scale = torch.rsqrt(variance + self.epsilon)
        scale = scale if gamma is None else scale * gamma
        return scale, -mean * scale if beta is None else beta - mean * scale
