"""`TrainingStep`: what one training step does with a batch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from clearsight.engine.frozen_features import FrozenFeatures
from clearsight.engine.layer_settings import layer_settings
from clearsight.engine.optimizers.fused import Update
from clearsight.engine.program.frozen import fix_untrained_weights, split_frozen
from clearsight.engine.program.program import Inputs, Tensors
from clearsight.engine.runtime.saved_state import SavedState
from clearsight.engine.step_control import StepControl
from clearsight.engine.steps import Forward, Gradients, ModelStep, first_tensor
from clearsight.engine.targets import plain_targets
from clearsight.models.backend import keras


class TrainingStep(ModelStep):
    """A training step in two halves: `gradients` and `apply`.

    Only `gradients` may be tried again after an error, since nothing has been updated by then.

    Args:
        model: a compiled model.
        dtype: what convolutions and matrix products compute in.
        control: its step control.
        weights_may_change: whether a user's code between batches could change frozen weights.
        features: where the features of a frozen part are kept; None if they are not kept.

    Attributes:
        weights: the tensors of the trainable variables, in the order of the gradients.
    """

    def __init__(
        self,
        model: keras.Model,
        dtype: torch.dtype,
        control: StepControl,
        *,
        weights_may_change: bool = True,
        features: FrozenFeatures | None = None,
    ) -> None:
        super().__init__(model, dtype, training=True)
        self._control = control
        self._split = self._features = None
        if not weights_may_change:
            self._program = fix_untrained_weights(self._program)
            self._split = None if features is None else split_frozen(self._program)
        if self._split is not None and features is not None:
            self._features = features
            features.begin_epoch(self._split.frozen, layer_settings(model))
        variables = model.trainable_variables
        self.weights = [variable.value for variable in variables]
        # Except in bfloat16 the update is Keras's own, so that every rounding is Keras's.
        self._update: Callable[[Any], None] = (
            Update(model.optimizer, variables)
            if dtype is torch.bfloat16
            else partial(_update_as_keras, model.optimizer, variables)
        )
        # Keras's losses and layers may update metrics of their own.
        runs_no_keras_code = self._loss is not None and not self._program.runs_keras
        metrics = () if runs_no_keras_code else model.metrics_variables
        self._state = SavedState([*self._program.state, *metrics])

    def gradients(self, inputs: Inputs, data: Any) -> tuple[Forward, Gradients]:
        """Return the forward pass of a batch and the gradients of its loss.

        If that fails, whatever the forward pass changes (moving statistics, the state of random
        generators) is restored before the error propagates.

        Args:
            inputs: the model's inputs.
            data: the batch as Keras understands it.
        """
        self._state.save()
        try:
            return self._gradients(inputs, data)
        except Exception:
            self._state.restore()
            raise

    def apply(self, forward: Forward, gradients: Gradients, data: Any) -> Any:
        """Update the weights, then the metrics; return the logs of this batch."""
        with torch.no_grad():
            self._update(gradients)
            return self._track(forward, data)

    def _run(self, inputs: Inputs, images: Any) -> Tensors:
        if self._split is None or self._features is None:
            return self.run_program(inputs)
        with self._calling():
            with torch.no_grad():
                features = self._features.of_batch(self._split.frozen, inputs, images)
            return self._split.rest([*inputs, *features])

    def _gradients(self, inputs: Inputs, data: Any) -> tuple[Forward, Gradients]:
        """Run a batch as a whole, or in `StepControl.num_parts` parts.

        Only layers that compute with the whole batch (normalization in training) give other results
        for parts.
        """
        num_images, num_parts = len(first_tensor(inputs)), self._control.num_parts
        if num_parts == 1:
            forward = self._forward(inputs, data)
            return forward, self._differentiate(forward.loss)
        size = -(-num_images // num_parts)
        total, outputs, sums = torch.zeros((), device=first_tensor(inputs).device), [], None
        for start in range(0, num_images, size):
            part = slice(start, start + size)
            part_inputs = [None if value is None else value[part] for value in inputs]
            part_data = keras.tree.map_structure(
                lambda value, part=part: value[part], data, none_is_leaf=False
            )
            forward = self._forward(part_inputs, part_data)
            loss = forward.loss * (len(first_tensor(part_inputs)) / num_images)
            sums = _added(sums, self._differentiate(loss))
            total += loss.detach()
            outputs.append([value.detach() for value in forward.raw])
        assert sums is not None  # a batch has an image
        raw = [torch.cat(values) for values in zip(*outputs, strict=True)]
        _, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        targets = plain_targets(y, weights, raw[0]) if self._is_classifier else None
        return Forward(total, raw, targets), sums

    def _differentiate(self, loss: torch.Tensor) -> Gradients:
        if self._control.check_loss is not None:
            self._control.check_loss(loss.detach())
        scaled = self._model.optimizer.scale_loss(loss)
        return torch.autograd.grad(scaled, self.weights, allow_unused=True)


def _update_as_keras(optimizer: Any, variables: list[Any], gradients: Gradients) -> None:
    """Let Keras update, with gradients that lie in memory as `Tensor.backward` leaves them.

    That is as their weights do. Norms, by which gradients are clipped, add in that order.
    """
    in_order = [None if each is None else each.contiguous() for each in gradients]
    optimizer.apply(in_order, trainable_variables=variables)


def _added(sums: Gradients | None, more: Gradients) -> Gradients:
    """Add gradients; None stays where a weight has none."""
    if sums is None:
        return more
    return [a if b is None else b if a is None else a + b for a, b in zip(sums, more, strict=True)]
