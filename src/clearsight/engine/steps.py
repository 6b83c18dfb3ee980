"""What one training step, or one step of an evaluation, does with a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from clearsight.engine.loss import loss_on_logits
from clearsight.engine.metrics import LazyLogs, track_loss, trackers_of
from clearsight.engine.optimizers.fused import Update
from clearsight.engine.program.program import Tensors, compile_program
from clearsight.models.backend import keras

Gradients = Sequence[torch.Tensor | None]


class _Plan:
    """A compiled program with the loss and metrics of its model."""

    def __init__(self, model: keras.Model, dtype: torch.dtype, *, training: bool) -> None:
        self._model: Any = model
        self._core: Any = getattr(model, "_functional", None) or model
        self._shapes = [tuple(tensor.shape[1:]) for tensor in self._core.inputs]
        self._training = training
        self._program = compile_program(model, training=training, dtype=dtype)
        self._loss = self._trackers = None
        self._has_more_losses = False
        if model.compiled:
            ends_in_softmax = self._program.ends_in_softmax
            if dtype is not torch.float32:  # whose rounding follows Keras's
                self._loss = loss_on_logits(model, ends_in_softmax=ends_in_softmax)
            self._trackers = trackers_of(model)
            self._has_more_losses = bool(self._program.left_to_keras) or any(
                variable.regularizer is not None for variable in model.trainable_variables
            )

    def inputs_of(self, data: Any) -> Tensors | None:
        """Return the model's inputs from a batch as Keras understands it, in their order.

        None when their shape is not the model's, so that Keras says what is wrong with it.
        """
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        inputs = [x] if self._is_ready(x) else self._core._standardize_inputs(x)
        fits = all(
            len(shape) == value.ndim - 1
            and all(want in (None, size) for want, size in zip(shape, value.shape[1:], strict=True))
            for value, shape in zip(inputs, self._shapes, strict=True)
        )
        return list(inputs) if fits else None

    def _is_ready(self, x: Any) -> bool:
        """Tell whether an input is what Keras would make of it anyway.

        Keras's way there, through its trees, leaves cycles of references behind that keep a batch
        in memory until Python looks for such: gigabytes, when images are large.
        """
        (input_, *others) = self._core.inputs
        weights = self._core.weights
        return (
            isinstance(x, torch.Tensor)
            and not others
            and not isinstance(self._core._inputs_struct, dict | list | tuple)
            and x.ndim == 1 + len(self._shapes[0])
            and x.dtype is torch.float32
            and input_.dtype == "float32"
            and (not weights or x.device == weights[0].value.device)
        )

    def _outputs(self, raw: Tensors) -> Any:
        """Return what the model itself would, in float32 and in its own structure."""
        outputs = [value.float() for value in raw]
        if self._program.ends_in_softmax:
            outputs = [torch.softmax(outputs[0], -1)]
        structure = getattr(self._core, "_outputs_struct", None)
        return outputs[0] if structure is None else keras.tree.pack_sequence_as(structure, outputs)

    def _loss_and_outputs(self, inputs: Tensors, data: Any) -> tuple[torch.Tensor, Tensors, Any]:
        """Return the loss, the raw outputs, and the model's outputs if they were needed."""
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        raw = self._program(inputs)
        if self._loss is None or y is None:
            outputs = self._outputs(raw)
            loss = self._model._compute_loss(
                x=x, y=y, y_pred=outputs, sample_weight=weights, training=self._training
            )
            return loss, raw, outputs
        y, weights = _as_tensors(y, weights)
        loss = self._loss(raw[0].float(), y, weights)
        if self._has_more_losses:
            for more in self._model.losses:
                loss = loss + more.sum()
        return loss, raw, None

    def _track(self, loss: torch.Tensor, raw: Tensors, outputs: Any, data: Any) -> Any:
        """Update the metrics, and return the logs of this batch."""
        model = self._model
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        first = x if isinstance(x, torch.Tensor) else keras.tree.flatten(x)[0]
        track_loss(model, loss, len(first))
        if self._trackers is not None and y is not None:
            y, weights = _as_tensors(y, weights)
            for update in self._trackers:
                update(y, raw[0], weights)
            return LazyLogs(model)
        outputs = self._outputs(raw) if outputs is None else outputs
        if type(model).compute_metrics is not keras.Model.compute_metrics:
            return model.compute_metrics(x, y, outputs, sample_weight=weights)
        if model._compile_metrics is not None:
            model._compile_metrics.update_state(y, outputs, sample_weight=weights)
        return LazyLogs(model)


class TrainingPlan(_Plan):
    """A training step: forward, loss, gradients, update, metrics."""

    def __init__(self, model: keras.Model, dtype: torch.dtype) -> None:
        super().__init__(model, dtype, training=True)
        variables = model.trainable_variables
        self._weights = [variable.value for variable in variables]
        # In float32 Keras's own update, so that every rounding is Keras's.
        self._update: Callable[[Any], None] = (
            partial(model.optimizer.apply, trainable_variables=variables)
            if dtype is torch.float32
            else Update(model.optimizer, variables)
        )

    def step(self, inputs: Tensors, data: Any, *, num_parts: int = 1) -> Any:
        """Train on a batch; return its logs.

        Args:
            inputs: the model's inputs.
            data: the batch as Keras understands it.
            num_parts: how many pieces the batch goes through in, one after the other, to save
                memory. Only layers that look at a whole batch (normalization in training) see it.
        """
        if num_parts == 1:
            loss, raw, outputs = self._loss_and_outputs(inputs, data)
            gradients = self._gradients_of(loss)
        else:
            loss, raw, gradients = self._in_parts(inputs, data, num_parts)
            outputs = None
        with torch.no_grad():
            self._update(gradients)
            return self._track(loss, raw, outputs, data)

    def _gradients_of(self, loss: torch.Tensor) -> Gradients:
        scaled = self._model.optimizer.scale_loss(loss)
        return torch.autograd.grad(scaled, self._weights, allow_unused=True)

    def _in_parts(
        self, inputs: Tensors, data: Any, num_parts: int
    ) -> tuple[torch.Tensor, Tensors, Gradients]:
        """Return a batch's loss, raw outputs and gradients, worked out piece by piece."""
        num_images = len(inputs[0])
        size = -(-num_images // num_parts)
        total, raws, sums = torch.zeros((), device=inputs[0].device), [], None
        for start in range(0, num_images, size):
            part = slice(start, start + size)
            pieces = [value[part] for value in inputs]
            piece = keras.tree.map_structure(
                lambda value, part=part: value[part], data, none_is_leaf=False
            )
            loss, raw, _ = self._loss_and_outputs(pieces, piece)
            loss = loss * (len(pieces[0]) / num_images)
            sums = _added(sums, self._gradients_of(loss))
            total += loss.detach()
            raws.append([value.detach() for value in raw])
        assert sums is not None  # a batch has an image
        return total, [torch.cat(values) for values in zip(*raws, strict=True)], sums


class EvaluationPlan(_Plan):
    """A step of `evaluate` or `predict`; its weights are made once for all batches."""

    def __init__(self, model: keras.Model, dtype: torch.dtype) -> None:
        super().__init__(model, dtype, training=False)
        self._program.hold_weights()

    def test_step(self, inputs: Tensors, data: Any) -> Any:
        """Evaluate a batch; return the logs so far."""
        loss, raw, outputs = self._loss_and_outputs(inputs, data)
        return self._track(loss, raw, outputs, data)

    def predict_step(self, inputs: Tensors) -> Any:
        """Return the model's outputs for a batch."""
        return self._outputs(self._program(inputs))


def _added(sums: Gradients | None, more: Gradients) -> Gradients:
    """Add gradients up; None stays where a weight has none."""
    if sums is None:
        return more
    return [a if b is None else b if a is None else a + b for a, b in zip(sums, more, strict=True)]


def _as_tensors(y: Any, weights: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Convert what ``train_on_batch`` was given; batches of `fit` are tensors already."""
    y = y if isinstance(y, torch.Tensor) else keras.ops.convert_to_tensor(y)
    if weights is None or isinstance(weights, torch.Tensor):
        return y, weights
    converted: Any = keras.ops.convert_to_tensor(weights)
    return y, converted
