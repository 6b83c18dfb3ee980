"""Batch normalization in training, with a residual and an activation; see the .c file."""

import math
from enum import IntEnum
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from clearsight.engine.kernels.library import call, has_kernel

_FOUR_VECTORS = 64  # values; what is computed together
_MIN_VALUES = 2**14  # for each thread: with fewer, another thread does not pay
_MORE_ROWS = 4  # of float64: four of float32 and seven of bfloat16


class Activation(IntEnum):
    """The activations that can follow a normalization; numbers as in activations.h."""

    LINEAR = 0
    RELU = 1
    RELU6 = 2
    HARD_SWISH = 3
    SWISH = 4


def can_normalize(values: torch.Tensor, residual: torch.Tensor | None) -> bool:
    """Return whether there is a kernel for values (N, C) or (N, C, H, W) and a residual."""
    return (
        has_kernel("batch_normalization")
        and values.device.type == "cpu"
        and values.dtype is torch.bfloat16
        and values.numel() > 0
        and (residual is None or (residual.shape, residual.dtype) == (values.shape, values.dtype))
    )


def normalize_batch(
    values: torch.Tensor,
    residual: torch.Tensor | None,
    gamma: torch.Tensor | None,
    beta: torch.Tensor | None,
    *,
    epsilon: float,
    activation: Activation,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Normalize by the batch's own statistics, add the residual, and apply the activation.

    Args:
        values: bfloat16 (N, C) or (N, C, H, W), for which `can_normalize`.
        residual: as `values`, or None; only without activation, or with ReLU or ReLU6.
        gamma: float32 (C,).
        beta: float32 (C,).
        epsilon: added to the variance.
        activation: applied last.

    Returns:
        bfloat16 in the shape of `values` and in channels-last memory, and the channels' means and
        (biased) variances, float32 (C,).
    """
    output, statistics = _normalized(values, residual, gamma, beta, epsilon, activation)
    mean, variance = statistics[:2]
    return output, mean, variance


def scale_and_shift(
    values: torch.Tensor,
    residual: torch.Tensor | None,
    scale: torch.Tensor,
    shift: torch.Tensor,
    activation: Activation,
) -> torch.Tensor:
    """Return the activation of ``values * scale + shift + residual``; see `normalize_batch`.

    No gradient flows to `scale` and `shift`.
    """
    return _normalized(values, residual, scale, shift, None, activation)[0]


def _normalized(
    values: torch.Tensor, residual: torch.Tensor | None, *rest: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    last: Any = _Normalize.apply(_channels_last(values), _channels_last(residual), *rest)
    output, statistics = last
    return output.permute(0, 3, 1, 2) if output.ndim == 4 else output, statistics


class _Normalize(torch.autograd.Function):
    """The operation with its gradient; values are (N, C) or (N, H, W, C) here.

    Without an epsilon the normalization is frozen: scale and shift are given for gamma and beta.
    """

    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        residual: torch.Tensor | None,
        gamma: torch.Tensor | None,
        beta: torch.Tensor | None,
        *options: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        epsilon, ctx.activation = options
        ctx.is_frozen = epsilon is None
        output = torch.empty_like(values)
        # Mean, variance, inverse deviation, scale and shift of each channel.
        statistics = values.new_empty((5, values.shape[-1]), dtype=torch.float32)
        if ctx.is_frozen:
            assert gamma is not None
            assert beta is not None
            statistics[3], statistics[4], epsilon = gamma, beta, 0.0
        weights = [None if w is None else w.contiguous() for w in (gamma, beta)]
        call(
            "batch_normalization",
            *(values, residual, *weights, output, statistics, *_scratch_and_sizes(values)),
            *(epsilon, ctx.activation, ctx.is_frozen, _num_chunks(values)),
        )
        # The output shows what ReLU cut off; without a residual, so do the values.
        has_both = residual is not None and ctx.activation is not Activation.LINEAR
        ctx.save_for_backward(values, output if has_both else None, statistics)
        ctx.mark_non_differentiable(statistics)
        return output, statistics

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride] - the decorator's type
        ctx: Any, *gradients: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        values, output, statistics = ctx.saved_tensors
        needed = ctx.needs_input_grad
        gradient, activation = gradients[0].contiguous(), ctx.activation
        values_gradient = torch.empty_like(values) if needed[0] else None
        parameter_gradients = None if ctx.is_frozen else torch.empty_like(statistics[:2])
        residual_gradient, masked = gradient, None
        if output is not None:
            masked = residual_gradient = torch.empty_like(values)
        elif activation is Activation.SWISH and not ctx.is_frozen:
            masked = values_gradient  # computed once, because exponentials are slow
        call(
            "batch_normalization_backward",
            *(gradient, values, output, statistics, values_gradient, masked, parameter_gradients),
            *(*_scratch_and_sizes(values), activation, _num_chunks(values)),
        )
        gamma_gradient, beta_gradient = (
            (None, None) if parameter_gradients is None else parameter_gradients
        )
        found = (values_gradient, residual_gradient, gamma_gradient, beta_gradient)
        return *(g if need else None for g, need in zip(found, needed[:4], strict=True)), None, None


def _num_chunks(values: torch.Tensor) -> int:
    return min(torch.get_num_threads(), 1 + values.numel() // _MIN_VALUES)


def _scratch_and_sizes(values: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int, int]]:
    """Return the C program's memory, and rows, channels and the width of its own rows."""
    channels = values.shape[-1]
    width = math.lcm(channels, _FOUR_VECTORS)
    num_rows = 2 * _num_chunks(values) + _MORE_ROWS
    scratch = values.new_empty((num_rows, width), dtype=torch.float64)
    return scratch, (values.numel() // channels, channels, width)


def _channels_last(values: Any) -> Any:
    """Return values with the channels in the last axis, and contiguous; None for None."""
    if values is not None and values.ndim == 4:
        values = values.permute(0, 2, 3, 1)
    return None if values is None else values.contiguous()
