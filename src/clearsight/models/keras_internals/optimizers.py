"""Optimizers: their state, and the parts of an update."""

from collections.abc import Sequence
from typing import Any, Literal

import torch

from clearsight.models.backend import keras

Slot = Literal["momentum", "velocity", "average_gradient", "average_weight"]
_SLOTS: dict[Slot, tuple[str, ...]] = {
    "momentum": ("_momentums", "momentums"),
    "velocity": ("_velocities", "adam_velocities"),
    "average_gradient": ("_average_gradients",),
    "average_weight": ("_model_variables_moving_average",),
}


def optimizer_state(optimizer: Any, slot: Slot, variables: Sequence[Any]) -> list[torch.Tensor]:
    """Return an optimizer's state tensors of one slot, in the order of `variables`."""
    name = next(name for name in _SLOTS[slot] if hasattr(optimizer, name))
    tensors = getattr(optimizer, name)
    return [tensors[optimizer._get_variable_index(variable)].value for variable in variables]


def public_class(optimizer: Any) -> type:
    """Return an optimizer's class without the subclass that Keras's torch backend makes of it."""
    bases = type(optimizer).__mro__
    return next(kind for kind in bases if not kind.__module__.startswith("keras.src.backend"))


def clip_gradients(optimizer: Any, gradients: list[torch.Tensor]) -> list[torch.Tensor]:
    """Clip as the optimizer's `clipnorm`, `global_clipnorm` or `clipvalue` says."""
    return optimizer._clip_gradients(gradients)


def uses_adam(muon: Any, variable: Any) -> bool:
    """Return whether a Muon updates this variable as Adam does."""
    return muon._should_use_adamw(variable)


def weight_decay_of(optimizer: Any, variable: Any) -> float:
    """Return the fraction that a weight loses in each step, in units of the learning rate."""
    if not optimizer._use_weight_decay(variable):
        return 0.0
    is_adams = isinstance(optimizer, keras.optimizers.Muon) and uses_adam(optimizer, variable)
    return float((optimizer.adam_weight_decay if is_adams else optimizer.weight_decay) or 0.0)


class OpenMuon(keras.optimizers.Muon):
    """Keras's Muon, to be subclassed: which weights Adam updates, and how matrices are updated."""

    def leaves_to_adam(self, variable: Any) -> bool:
        """Return whether Adam updates this variable."""
        return super()._should_use_adamw(variable)

    def update_matrix(self, gradient: Any, variable: Any, rate: Any, momentum: Any) -> None:
        """Update any other variable and its momentum."""
        super()._muon_update_step(gradient, variable, rate, momentum)

    def _should_use_adamw(self, variable: Any) -> bool:
        return self.leaves_to_adam(variable)

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.update_matrix(gradient, variable, lr, m)
