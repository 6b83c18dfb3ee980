"""`ModelStep`: what training steps and evaluation steps have in common."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from clearsight.engine.loss import loss_on_logits
from clearsight.engine.metrics import DeferredLogs, metric_updates, track_loss
from clearsight.engine.operations.operation import accumulation_dtype
from clearsight.engine.program.compilation import compile_program
from clearsight.engine.program.program import Inputs, Tensors
from clearsight.engine.targets import PlainTargets, leaves_of, plain_targets
from clearsight.models.backend import keras
from clearsight.models.keras_internals.compiled import compute_loss, is_kerass_own, update_metrics
from clearsight.models.keras_internals.layers import (
    call_context,
    functional_of,
    pack_outputs,
    standardize_inputs,
    takes_one_tensor,
)
from clearsight.models.keras_internals.names import get_keras_mask

Gradients = Sequence[torch.Tensor | None]


@dataclass(frozen=True)
class Forward:
    """The results of the forward pass of a batch.

    Attributes:
        loss: the mean over the batch, float32 ().
        raw: the program's outputs.
        targets: see `plain_targets`; None for a model that is no classifier.
        outputs: the model's outputs, in its structure; None if nothing has needed them yet.
    """

    loss: torch.Tensor
    raw: Tensors
    targets: PlainTargets | None
    outputs: Any = None


class ModelStep:
    """A compiled program with the loss and metrics of its model."""

    def __init__(self, model: keras.Model, dtype: torch.dtype, *, training: bool) -> None:
        self._model: Any = model
        self._core = functional_of(model)
        self._first_weight = next(iter(self._core.weights), None)
        self._shapes = [tuple(tensor.shape[1:]) for tensor in self._core.inputs]
        self._training = training
        self._program = compile_program(model, training=training, dtype=dtype)
        self._dtypes = [
            None if index in self._program.keras_outputs else getattr(torch, tensor.dtype, None)
            for index, tensor in zip(self._program.outputs, self._core.outputs, strict=True)
        ]
        self._loss = self._metric_updates = None
        self._has_more_losses = False
        self._is_classifier = model.compiled and self._has_one_output()
        if self._is_classifier:
            ends_in_softmax = self._program.ends_in_softmax
            if dtype is torch.bfloat16:  # the others follow Keras's rounding
                self._loss = loss_on_logits(model, ends_in_softmax=ends_in_softmax)
            self._metric_updates = metric_updates(model)
            self._has_more_losses = self._program.runs_keras or any(
                variable.regularizer is not None for variable in model.trainable_variables
            )

    @property
    def runs_keras(self) -> bool:
        """Whether Keras runs any of the model's calls."""
        return self._program.runs_keras

    def _has_one_output(self) -> bool:
        """Return whether the only output is (N, K), with nothing masked."""
        outputs = self._core.outputs
        return (
            len(outputs) == 1 and len(outputs[0].shape) == 2 and get_keras_mask(outputs[0]) is None
        )

    def inputs_of(self, data: Any) -> Inputs | None:
        """Return the model's inputs, in order, from a batch as Keras understands it.

        None if their shapes are not the model's, so that Keras can raise its own error.
        """
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        inputs = [x] if self._is_standard(x) else standardize_inputs(self._core, x)
        fits = all(
            value is None
            or (
                len(shape) == value.ndim - 1
                and all(
                    expected in (None, size)
                    for expected, size in zip(shape, value.shape[1:], strict=True)
                )
            )
            for value, shape in zip(inputs, self._shapes, strict=True)
        )
        return list(inputs) if fits else None

    def _is_standard(self, x: Any) -> bool:
        """Return whether Keras would leave an input as it is.

        Its standardization leaves reference cycles that keep a batch in memory until Python
        collects garbage: gigabytes, if images are large.
        """
        (input_, *others) = self._core.inputs
        weight = self._first_weight
        return (
            isinstance(x, torch.Tensor)
            and not others
            and takes_one_tensor(self._core)
            and x.ndim == 1 + len(self._shapes[0])
            and x.dtype is getattr(torch, input_.dtype, None)
            and x.dtype.is_floating_point
            and (weight is None or x.device == weight.value.device)
        )

    def run_program(self, inputs: Inputs) -> Tensors:
        """Run the program; calls that Keras runs are part of one call of the model, as in Keras."""
        with self._calling():
            return self._program(inputs)

    def _calling(self) -> AbstractContextManager[Any]:
        is_needed = self._program.runs_keras
        return call_context(self._model, training=self._training) if is_needed else nullcontext()

    def _run(self, inputs: Inputs, images: Any) -> Tensors:
        """Run the program on inputs that `inputs_of` has made of a batch's images."""
        del images
        return self.run_program(inputs)

    def _outputs(self, raw: Tensors) -> Any:
        """Return the model's outputs: probabilities, and in the model's structure and dtypes."""
        outputs = [
            value if dtype is None else value.to(dtype)
            for value, dtype in zip(self._with_softmax(raw), self._dtypes, strict=True)
        ]
        return pack_outputs(self._core, outputs)

    def _with_softmax(self, raw: Tensors) -> Tensors:
        """Return the program's outputs with the softmax that it leaves out, if it does."""
        if not self._program.ends_in_softmax:
            return raw
        return [torch.softmax(_accumulated(raw[0]), -1)]

    def _forward(self, inputs: Inputs, data: Any) -> Forward:
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        raw = self._run(inputs, x)
        targets = plain_targets(y, weights, raw[0]) if self._is_classifier else None
        if self._loss is None or targets is None:
            outputs = self._outputs(raw)
            loss = compute_loss(
                self._model,
                x=x,
                y=y,
                y_pred=outputs,
                sample_weight=weights,
                training=self._training,
            )
            return Forward(loss, raw, targets, outputs)
        loss = self._loss(_accumulated(raw[0]), *targets)
        if self._has_more_losses:
            for more in self._model.losses:
                loss = loss + more.sum()
        return Forward(loss, raw, targets)

    def _track(self, forward: Forward, data: Any) -> Any:
        """Update the metrics, and return the logs so far."""
        model = self._model
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        track_loss(model, forward.loss, len(first_tensor(leaves_of(x))))
        if self._metric_updates is not None and forward.targets is not None:
            target, weight = forward.targets
            # Two logits that differ may have equal probabilities, of which Keras takes the first.
            (scores,) = self._with_softmax(forward.raw)
            for update in self._metric_updates:
                update(target, scores.detach(), weight)
            return DeferredLogs(model)
        outputs = self._outputs(forward.raw) if forward.outputs is None else forward.outputs
        if not is_kerass_own(model, "compute_metrics"):
            return model.compute_metrics(x, y, outputs, sample_weight=weights)
        update_metrics(model, y, outputs, weights)
        return DeferredLogs(model)


def first_tensor(values: Sequence[Any]) -> torch.Tensor:
    """Return the first of these that is not None."""
    return next(value for value in values if value is not None)


def _accumulated(values: torch.Tensor) -> torch.Tensor:
    return values.to(accumulation_dtype(values.dtype))
