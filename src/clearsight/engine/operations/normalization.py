"""Batch normalization, by the batch's own statistics and by moving ones."""

from abc import ABC
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from clearsight.engine.kernels.batch_normalization import (
    Activation,
    can_normalize,
    normalize_batch,
    scale_and_shift,
)
from clearsight.engine.operations.merge import in_one_dtype
from clearsight.engine.operations.operation import (
    Operation,
    Weights,
    accumulation_dtype,
    cast,
    value_of,
)

TORCH_ACTIVATIONS = {
    Activation.RELU: functional.relu,
    Activation.RELU6: functional.relu6,
    Activation.HARD_SWISH: functional.hardswish,
    Activation.SWISH: functional.silu,
}


@dataclass(frozen=True, eq=False)
class Normalization(Operation, ABC):
    """Normalization of values whose second axis is the channels, perhaps with what follows it.

    Attributes:
        mean: Keras variable, (C,): the moving mean.
        variance: Keras variable, (C,): the moving variance.
        gamma: Keras variable, (C,), or None.
        beta: Keras variable, (C,), or None.
        epsilon: added to the variance.
        dtype: what the layer computes in; statistics are in float32 at least.
        adds_residual: whether a second input is added.
        activation: applied last.
    """

    mean: Any
    variance: Any
    gamma: Any
    beta: Any
    epsilon: float
    dtype: torch.dtype
    adds_residual: bool = field(default=False, kw_only=True)
    activation: Activation = field(default=Activation.LINEAR, kw_only=True)

    def _finish(self, normalized: torch.Tensor, residual: torch.Tensor | None) -> torch.Tensor:
        """Add the residual and apply the activation, in torch."""
        if residual is not None:
            normalized = torch.add(*in_one_dtype((normalized, residual)))
        if self.activation is Activation.LINEAR:
            return normalized
        return TORCH_ACTIVATIONS[self.activation](normalized)


@dataclass(frozen=True, eq=False)
class BatchNormalization(Normalization):
    """Normalization in training: by the batch's own statistics, which the moving ones follow.

    Attributes:
        momentum: fraction of the moving statistics that stays.
        changes_state: always true.
    """

    momentum: float
    changes_state: bool = field(default=True, kw_only=True)

    def weights(self) -> Weights:
        """Return scale and shift."""
        dtype = accumulation_dtype(self.dtype)
        return cast(value_of(self.gamma), dtype), cast(value_of(self.beta), dtype)

    def apply(self, values: torch.Tensor, *rest: torch.Tensor | None) -> torch.Tensor:
        """Normalize, given the residual, if any, and the weights; update moving statistics."""
        *residuals, gamma, beta = rest
        residual = residuals[0] if residuals else None
        if _keeps_order(values):
            return self._finish(self._in_keras_order(values, gamma, beta), residual)
        if can_normalize(values, residual):
            options: Any = {"epsilon": self.epsilon, "activation": self.activation}
            output, mean, variance = normalize_batch(values, residual, gamma, beta, **options)
        else:
            output, mean, inverse = torch.native_batch_norm(
                values, gamma, beta, None, None, True, 0.0, self.epsilon
            )
            output = self._finish(output, residual)
            # Keras's moving variance is that of the batch itself, torch's an unbiased estimate.
            variance = inverse.detach().pow(-2).sub_(self.epsilon).clamp_(min=0.0)
        with torch.no_grad():
            for moving, now in ((self.mean.value, mean), (self.variance.value, variance)):
                moving.lerp_(now.to(moving.dtype), 1.0 - self.momentum)
        return output

    def _in_keras_order(
        self, values: torch.Tensor, gamma: torch.Tensor | None, beta: torch.Tensor | None
    ) -> torch.Tensor:
        """Do what Keras's torch backend does, one operation at a time."""
        axes = (0, *range(2, values.ndim))
        mean = values.mean(axes, keepdim=True)
        variance = values.square().mean(axes, keepdim=True) - mean.square()
        with torch.no_grad():
            for moving, now in ((self.mean.value, mean), (self.variance.value, variance)):
                kept = moving.to(now.dtype) * self.momentum
                moving.copy_(kept + now.flatten() * (1.0 - self.momentum))
        return _normalize_as_keras(values, mean, variance, (gamma, beta), self.epsilon)


@dataclass(frozen=True, eq=False)
class MovingNormalization(Normalization):
    """Normalization by moving statistics: a scale and a shift of each channel.

    Attributes:
        is_training: whether it is part of a training, in which float32 keeps Keras's bits.
    """

    is_training: bool = field(default=False, kw_only=True)

    def weights(self) -> Weights:
        """Return mean, variance, scale and shift."""
        variables = (self.mean, self.variance, self.gamma, self.beta)
        return tuple(value_of(variable) for variable in variables)

    def apply(self, values: torch.Tensor, *rest: Any) -> torch.Tensor:
        """Normalize, given the residual, if any, and the weights."""
        *residuals, mean, variance, gamma, beta = rest
        residual, dtype = residuals[0] if residuals else None, accumulation_dtype(values.dtype)
        is_fixed = not any(w is not None and w.requires_grad for w in (gamma, beta))
        weights: Any = tuple(cast(weight, dtype) for weight in (mean, variance, gamma, beta))
        if is_fixed and can_normalize(values, residual):
            scale, shift = _scale_and_shift(weights, self.epsilon)
            return scale_and_shift(values, residual, scale, shift, self.activation)
        mean, variance, gamma, beta = weights
        if self.is_training and _keeps_order(values):
            mean, variance = (_of_channels(each, values) for each in (mean, variance))
            weights = (gamma, beta)
            normalized = _normalize_as_keras(values, mean, variance, weights, self.epsilon)
        else:
            normalized = functional.batch_norm(
                values, mean, variance, gamma, beta, eps=self.epsilon
            )
        return self._finish(normalized, residual)

    def scale_and_shift(self, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the same as one factor and one summand for each channel, each (C,)."""
        weights = [cast(tensor, dtype) for tensor in self.weights()]
        return _scale_and_shift(weights, self.epsilon)


def _keeps_order(values: torch.Tensor) -> bool:
    """Return whether the result must have Keras's bits, or float64's precision."""
    return values.device.type == "cpu" and values.dtype in (torch.float32, torch.float64)


def _of_channels(statistics: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return statistics.reshape(1, -1, *(1 for _ in values.shape[2:]))


def _normalize_as_keras(
    values: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, weights: Any, epsilon: float
) -> torch.Tensor:
    """Normalize in the order of ``keras.ops.batch_normalization``, with statistics (1, C, ...)."""
    gamma, beta = (None if weight is None else _of_channels(weight, values) for weight in weights)
    scale = torch.ones_like(variance) if gamma is None else gamma
    shift = torch.zeros_like(mean) if beta is None else beta
    factor = variance.add(epsilon).rsqrt_().mul(scale)
    return values.subtract(mean).mul_(factor).add_(shift)


def _scale_and_shift(weights: Any, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    mean, variance, gamma, beta = weights
    scale = torch.rsqrt(variance + epsilon)
    scale = scale if gamma is None else scale * gamma
    return scale, -mean * scale if beta is None else beta - mean * scale
