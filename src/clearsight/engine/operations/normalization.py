"""Batch normalization, by the batch's own statistics and by moving ones."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.batch_normalization import (
    Activation,
    can_normalize,
    normalize_batch,
)
from clearsight.engine.operations.merge import in_one_dtype
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


_IN_TORCH = {
    Activation.RELU: functional.relu,
    Activation.RELU6: functional.relu6,
    Activation.HARD_SWISH: functional.hardswish,
    Activation.SWISH: functional.silu,
}


@dataclass(frozen=True, eq=False)
class BatchNormalization(Operation):
    """Normalization in training: by the batch's own statistics, which the moving ones follow.

    Attributes:
        mean: Keras variable, (C,): the moving mean.
        variance: likewise.
        gamma: likewise, or None.
        beta: likewise, or None.
        epsilon: added to the variance.
        momentum: fraction of the moving statistics that stays.
        dtype: that convolutions around it compute in.
        activation: what follows it.
        adds_residual: whether a second input is added before the activation.
        changes_state: it does.
    """

    mean: Any
    variance: Any
    gamma: Any
    beta: Any
    epsilon: float
    momentum: float
    dtype: torch.dtype
    activation: Activation = Activation.LINEAR
    adds_residual: bool = False
    changes_state: bool = field(default=True, kw_only=True)

    def weights(self) -> Weights:
        """Return scale and shift."""
        dtype = accumulation_dtype(self.dtype)
        return cast(value_of(self.gamma), dtype), cast(value_of(self.beta), dtype)

    def apply(self, values: torch.Tensor, *rest: torch.Tensor | None) -> torch.Tensor:
        """Normalize values whose second axis is that of the channels; update moving statistics."""
        *residuals, gamma, beta = rest
        residual = residuals[0] if residuals else None
        if can_normalize(values, residual):
            options: Any = {"epsilon": self.epsilon, "activation": self.activation}
            output, mean, variance = normalize_batch(values, residual, gamma, beta, **options)
        else:
            output, mean, inverse = torch.native_batch_norm(
                values, gamma, beta, None, None, True, 0.0, self.epsilon
            )
            if residual is not None:
                output = torch.add(*in_one_dtype((output, residual)))
            if self.activation is not Activation.LINEAR:
                output = _IN_TORCH[self.activation](output)
            # Keras's moving variance is that of the batch itself, torch's an unbiased estimate.
            variance = inverse.detach().pow(-2).sub_(self.epsilon).clamp_(min=0.0)
        with torch.no_grad():
            for moving, now in ((self.mean.value, mean), (self.variance.value, variance)):
                moving.lerp_(now.to(moving.dtype), 1.0 - self.momentum)
        return output
