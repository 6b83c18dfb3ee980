"""`StepControl`: settings of an accelerated model's training steps, which a run sets and reads."""

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from clearsight.models.backend import keras


@dataclass
class StepControl:
    """Settings of a model's training steps.

    Attributes:
        num_parts: number of parts that each batch is split into, one after the other, to save
            memory; the steps themselves set it to 2 when memory runs out.
        check_loss: called with the loss of each batch, or part, before any weight changes. What it
            raises ends the training.
    """

    num_parts: int = 1
    check_loss: Callable[[torch.Tensor], None] | None = None


_CONTROLS: WeakKeyDictionary[keras.Model, StepControl] = WeakKeyDictionary()


def add_step_control(model: keras.Model) -> StepControl:
    """Return a new `StepControl` and make it the model's."""
    _CONTROLS[model] = control = StepControl()
    return control


def step_control(model: keras.Model) -> StepControl | None:
    """Return the `StepControl` of an accelerated model, None for any other."""
    return _CONTROLS.get(model)


def num_parts_of(model: keras.Model) -> int:
    """Return the number of parts that a model's training batches are split into."""
    control = step_control(model)
    return 1 if control is None else control.num_parts
