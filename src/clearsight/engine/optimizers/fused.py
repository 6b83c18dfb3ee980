"""Keras's optimizers as fused updates of Keras's own variables, with Keras's formulas.

An optimizer's state stays where Keras keeps it, so that a model saved during training can be
trained further in plain Keras, and the reverse.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from clearsight.engine.optimizers.formulas import Tensors, UpdateRule, adam, muon, rmsprop, sgd
from clearsight.engine.optimizers.muon import Muon
from clearsight.models.backend import keras
from clearsight.models.keras_internals.optimizers import (
    clip_gradients,
    optimizer_state,
    public_class,
    weight_decay_of,
)

_ops: Any = torch  # its operations on lists, which torch.optim is made of, have no public names


class Update:
    """What `keras.optimizers.Optimizer.apply` does, for a fixed list of variables.

    The order is Keras's: clip, decay, step, average, constrain, count. Gradient accumulation, loss
    scaling, AMSGrad and optimizers that are not known here go through Keras's own `apply`.

    Args:
        optimizer: a Keras optimizer; it is built if it is not yet.
        variables: the trainable variables, in the order in which gradients will come.
    """

    def __init__(self, optimizer: Any, variables: Sequence[Any]) -> None:
        self._optimizer = optimizer
        self._variables = list(variables)
        if not optimizer.built and self._variables:
            optimizer.build(self._variables)
        self._rule = _update_rule(optimizer, self._variables)
        self._count = 0 if self._rule is None else int(optimizer.iterations.value)
        self._weights: Tensors = [variable.value for variable in self._variables]
        self._clips = any((optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue))
        self._decays: dict[float, Tensors] = {}
        for variable in self._variables:
            decay = weight_decay_of(optimizer, variable)
            if decay:
                self._decays.setdefault(decay, []).append(variable.value)
        self._constrained = [v for v in self._variables if v.constraint is not None]
        self._averages: Tensors = []
        if optimizer.use_ema:
            self._averages = optimizer_state(optimizer, "average_weight", self._variables)

    def __call__(self, gradients: Sequence[torch.Tensor | None]) -> None:
        """Update the variables; if a gradient is None, Keras warns and keeps its variable."""
        optimizer = self._optimizer
        present = [gradient for gradient in gradients if gradient is not None]
        if self._rule is None or len(present) != len(gradients):
            optimizer.apply(list(gradients), self._variables)
            return
        if self._clips:
            present = clip_gradients(optimizer, present)
        rate = _learning_rate(optimizer)
        for decay, weights in self._decays.items():
            _ops._foreach_mul_(weights, 1.0 - decay * rate)
        self._rule(present, rate)
        if self._averages:
            self._average()
        for variable in self._constrained:
            variable.assign(variable.constraint(variable))
        optimizer.iterations.value.add_(1)
        self._count += 1

    def _average(self) -> None:
        """Move the averages towards the weights: all the way at the first step."""
        optimizer = self._optimizer
        momentum = float(optimizer.ema_momentum) if self._count else 0.0
        _ops._foreach_lerp_(self._averages, self._weights, 1.0 - momentum)
        every = optimizer.ema_overwrite_frequency
        if every and (self._count + 1) % every == 0:
            _ops._foreach_copy_(self._weights, self._averages)


def _learning_rate(optimizer: Any) -> Any:
    """Return the learning rate as a number, or on a GPU, which reading would wait for, a tensor."""
    rate = optimizer.learning_rate
    rate = rate.value if isinstance(rate, keras.Variable) else rate
    if isinstance(rate, torch.Tensor):
        return rate if rate.is_cuda else rate.item()
    return float(rate)


_RULES: dict[type, Callable[[Any, Sequence[Any]], UpdateRule]] = {
    keras.optimizers.Adam: adam,
    keras.optimizers.AdamW: adam,  # differs by the weight decay, which comes before the step
    keras.optimizers.SGD: sgd,
    keras.optimizers.RMSprop: rmsprop,
    keras.optimizers.Muon: muon,
    Muon: muon,
}


def _update_rule(optimizer: Any, variables: Sequence[Any]) -> UpdateRule | None:
    """Return the fused rule of an optimizer that is exactly one of Keras's, else None."""
    make = _RULES.get(public_class(optimizer))
    is_left_to_keras = (
        getattr(optimizer, "amsgrad", False)
        or optimizer.gradient_accumulation_steps
        or optimizer.loss_scale_factor is not None
        or any(getattr(variable, "overwrite_with_gradient", False) for variable in variables)
    )
    return None if make is None or is_left_to_keras else make(optimizer, variables)
