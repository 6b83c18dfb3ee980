"""The formulas of Keras's optimizers, as a few operations on all weights at once."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from clearsight.models.keras_internals.optimizers import optimizer_state, uses_adam

Tensors = list[torch.Tensor]
UpdateRule = Callable[[Tensors, Any], None]
"""Updates the weights, given their gradients and the learning rate (a number or a tensor)."""

_LARGE_MATRIX = 200_000  # values
_ops: Any = torch  # its operations on lists, which torch.optim is made of, have no public names


def adam(optimizer: Any, variables: Sequence[Any]) -> UpdateRule:
    """Update as Keras's Adam: w -= a m / (sqrt(v) + epsilon), a = rate sqrt(1 - b2^t) / (1 - b1^t).

    Torch's fused kernel divides by sqrt(v) / sqrt(1 - b2^t) + e, which is the same with
    e = epsilon / sqrt(1 - b2^t). Source: Kingma and Ba, https://arxiv.org/abs/1412.6980, the
    formula before section 2.1.
    """
    numbers = (float(optimizer.beta_1), float(optimizer.beta_2), float(optimizer.epsilon))
    return _adam(optimizer, variables, numbers)


def _adam(
    optimizer: Any, variables: Sequence[Any], numbers: tuple[float, float, float]
) -> UpdateRule:
    """Update variables by their first and second moments; `numbers` are b1, b2 and epsilon."""
    beta_1, beta_2, epsilon = numbers
    weights = [variable.value for variable in variables]
    first = optimizer_state(optimizer, "momentum", variables)
    second = optimizer_state(optimizer, "velocity", variables)
    count = int(optimizer.iterations.value)
    steps = torch.tensor(float(count), device=weights[0].device if weights else None)

    def step(gradients: Tensors, rate: Any) -> None:
        nonlocal count
        count += 1
        steps.fill_(float(count))
        correction = math.sqrt(1.0 - beta_2**count)
        _ops._fused_adam_(
            weights,
            [_in_layout_of(w, g) for g, w in zip(gradients, weights, strict=True)],
            first,
            second,
            [],
            [steps] * len(weights),
            lr=rate,
            beta1=beta_1,
            beta2=beta_2,
            weight_decay=0.0,
            eps=epsilon / correction,
            amsgrad=False,
            maximize=False,
        )

    return step


def sgd(optimizer: Any, variables: Sequence[Any]) -> UpdateRule:
    """Update as Keras's SGD: m = momentum m - rate g; w += m.

    With Nesterov momentum w += momentum m - rate g instead.
    """
    weights = [variable.value for variable in variables]
    momentum, nesterov = float(optimizer.momentum), bool(optimizer.nesterov)
    moments = optimizer_state(optimizer, "momentum", variables) if momentum else []

    def step(gradients: Tensors, rate: Any) -> None:
        change = _ops._foreach_mul(gradients, -rate)
        if momentum:
            _ops._foreach_mul_(moments, momentum)
            _ops._foreach_add_(moments, change)
            if nesterov:
                _ops._foreach_add_(weights, moments, alpha=momentum)
            else:
                change = moments
        _ops._foreach_add_(weights, change)

    return step


def rmsprop(optimizer: Any, variables: Sequence[Any]) -> UpdateRule:
    """Update as Keras's RMSprop, whose epsilon is within the square root."""
    weights = [variable.value for variable in variables]
    rho, epsilon = float(optimizer.rho), float(optimizer.epsilon)
    momentum, centered = float(optimizer.momentum), bool(optimizer.centered)
    squares = optimizer_state(optimizer, "velocity", variables)
    means = optimizer_state(optimizer, "average_gradient", variables) if centered else []
    moments = optimizer_state(optimizer, "momentum", variables) if momentum else []

    def step(gradients: Tensors, rate: Any) -> None:
        _ops._foreach_mul_(squares, rho)
        _ops._foreach_addcmul_(squares, gradients, gradients, 1.0 - rho)
        denominators = _ops._foreach_add(squares, epsilon)
        if centered:
            _ops._foreach_lerp_(means, gradients, 1.0 - rho)
            _ops._foreach_addcmul_(denominators, means, means, -1.0)
        _ops._foreach_sqrt_(denominators)
        change = _ops._foreach_div(_ops._foreach_mul(gradients, rate), denominators)
        if momentum:
            _ops._foreach_mul_(moments, momentum)
            _ops._foreach_add_(moments, change)
            change = moments
        _ops._foreach_sub_(weights, change)

    return step


def muon(optimizer: Any, variables: Sequence[Any]) -> UpdateRule:
    """Update matrices as Keras's Muon, and all other weights as its Adam.

    A matrix takes the step rate * rms_rate * sqrt(max(rows, columns)) * X, where X is nearly the
    orthogonal matrix nearest to its momentum. Keras iterates on the matrix, X <- (a + b A + c A^2)
    X with A = X X^T; here the small polynomials are multiplied first, and the matrix by their
    product once, which is the same.

    Source: Jordan et al., https://kellerjordan.github.io/posts/muon/; the scale, Liu et al.,
    https://arxiv.org/abs/2502.16982.
    """
    is_matrix = [not uses_adam(optimizer, variable) for variable in variables]
    others = [v for v, matrix in zip(variables, is_matrix, strict=True) if not matrix]
    matrices = [v for v, matrix in zip(variables, is_matrix, strict=True) if matrix]
    weights = [variable.value for variable in matrices]
    moments = optimizer_state(optimizer, "momentum", matrices)
    momentum, nesterov = float(optimizer.momentum), bool(optimizer.nesterov)
    numbers = (float(optimizer.muon_a), float(optimizer.muon_b), float(optimizer.muon_c))
    rms_rate, ratio = optimizer.rms_rate, float(optimizer.adam_lr_ratio)
    adam_step = _adam(
        optimizer,
        others,
        (float(optimizer.adam_beta_1), float(optimizer.adam_beta_2), float(optimizer.epsilon)),
    )

    def step(gradients: Tensors, rate: Any) -> None:
        if others:
            adam_step(
                [g for g, matrix in zip(gradients, is_matrix, strict=True) if not matrix],
                rate * ratio,
            )
        if not matrices:
            return
        matrix_gradients = [g for g, matrix in zip(gradients, is_matrix, strict=True) if matrix]
        _ops._foreach_mul_(moments, momentum)
        _ops._foreach_add_(moments, matrix_gradients)
        towards = (
            _ops._foreach_add(matrix_gradients, moments, alpha=momentum) if nesterov else moments
        )
        for weight, direction in zip(weights, towards, strict=True):
            flat = direction.reshape(-1, direction.shape[-1])
            scale = 1.0 if rms_rate is None else float(rms_rate) * max(flat.shape) ** 0.5
            change = orthogonalize(flat, numbers, optimizer.ns_steps)
            weight.sub_(change.view_as(weight) * (rate * scale))

    return step


def orthogonalize(
    matrix: torch.Tensor, numbers: tuple[float, float, float], num_steps: int
) -> torch.Tensor:
    """Return a matrix with the same singular vectors whose singular values are all nearly one.

    Args:
        matrix: float32 (rows, columns).
        numbers: a, b, c of Newton and Schulz's iteration.
        num_steps: of the iteration.
    """
    a, b, c = numbers
    is_tall = matrix.shape[0] > matrix.shape[1]
    matrix = matrix / (matrix.norm() + 1e-7)
    # Products with large matrices take most of the time; bfloat16 suffices for a direction.
    wide = matrix.bfloat16() if matrix.numel() >= _LARGE_MATRIX else matrix
    gram = (wide.T @ wide if is_tall else wide @ wide.T).to(matrix.dtype)
    product = None
    for index in range(num_steps):
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal().add_(a)
        product = polynomial if product is None else polynomial @ product
        if index + 1 < num_steps:
            gram = polynomial @ gram @ polynomial
    if product is None:
        return matrix
    product = product.to(wide.dtype)
    return (wide @ product if is_tall else product @ wide).to(matrix.dtype)


def _in_layout_of(weight: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Return a gradient in the memory layout of its weight, which the fused kernel relies on."""
    if gradient.dtype == weight.dtype and gradient.stride() == weight.stride():
        return gradient
    return torch.empty_like(weight).copy_(gradient)
