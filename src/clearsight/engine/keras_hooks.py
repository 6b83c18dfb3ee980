"""`Hooks`: methods set on a model object, through which Keras's loops run the engine's steps."""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from weakref import WeakSet

import torch

from clearsight.engine.arguments import prepare_evaluate, prepare_fit, prepare_predict
from clearsight.engine.evaluation_step import EvaluationStep
from clearsight.engine.fit_warnings import FitWarnings
from clearsight.engine.layer_settings import layer_settings
from clearsight.engine.loop_context import LoopContext
from clearsight.engine.metrics import DeferredLogs
from clearsight.engine.operations.keras_call import UnexpectedMaskError
from clearsight.engine.program.program import Inputs
from clearsight.engine.runtime.allocator import LARGE_BLOCKS
from clearsight.engine.runtime.choices import Device
from clearsight.engine.runtime.device import on_device
from clearsight.engine.runtime.memory import is_out_of_memory, release_memory
from clearsight.engine.runtime.thread_waits import ThreadWaits
from clearsight.engine.step_control import add_step_control
from clearsight.engine.steps import first_tensor
from clearsight.engine.training_step import TrainingStep
from clearsight.models.backend import keras
from clearsight.models.keras_internals.compiled import SYMBOLIC_BUILD, build_symbolically
from clearsight.models.keras_internals.layers import has_torch_hooks

_STEPS = ("train_step", "test_step", "predict_step")
_METHODS = (
    "fit", "evaluate", "predict",
    "compile", "train_on_batch", "test_on_batch", "predict_on_batch",
)  # fmt: skip

_COMPILED_BY_TORCH = (
    "With jit_compile=True the steps are left to Keras and torch.compile: leave it out to have "
    "them accelerated."
)

_MASKED = (
    "The network '{model}' is left to Keras, because layer '{layer}' attaches a mask to its output "
    "that the network's graph does not show."
)

_IN_HALVES = (
    "Memory ran out in a training step: from now on each batch is trained on in two halves whose "
    "gradients are added up, which is a little slower; a smaller batch_size would avoid that."
)


_OURS: WeakSet[Any] = WeakSet()
"""The functions that `Hooks` set on models."""


def replaced_method(model: keras.Model) -> str:
    """Return the name of a method that other code has set on a model object; "" for none."""
    found = ((name, vars(model).get(name)) for name in (*_STEPS, *_METHODS))
    return next(
        (
            name
            for name, value in found
            if value is not None
            and value not in _OURS
            and not isinstance(getattr(value, "__self__", None), Hooks)
        ),
        "",
    )


class Hooks:
    """The steps of one model, compiled when they are first needed.

    They are compiled again for each epoch, each evaluation and each ``train_on_batch``, and where
    a callback runs between batches also when a setting of a layer or of the optimizer changed, so
    that whatever is changed (a frozen layer, a dropout rate) takes effect when it would in Keras.
    """

    def __init__(
        self,
        model: keras.Model,
        dtype: torch.dtype,
        device: Device,
        waits: ThreadWaits | None = None,
        *,
        keeps_memory: bool = False,
    ) -> None:
        self._model: Any = model
        self._waits = waits
        self._keeps_memory = keeps_memory
        self._class: Any = type(model)
        self._dtype = dtype
        self._device: Device = device
        self._control = add_step_control(model)
        self._training: TrainingStep | None = None
        self._evaluation: EvaluationStep | None = None
        self._settings: Any = None  # of the layers when the steps were compiled
        self._context = LoopContext()
        self._has_unexpected_mask = False

    def install(self) -> None:
        """Set the hooks on the model."""
        hooks: dict[str, Any] = {
            "train_step": self._train_step,
            "test_step": self._test_step,
            "predict_step": self._predict_step,
        }
        if self._waits is not None:
            hooks = {name: self._waits.timed(name, step) for name, step in hooks.items()}
            _OURS.update(hooks.values())
        hooks[SYMBOLIC_BUILD] = self._build
        for name in _METHODS[3:]:
            hooks[name] = self._wrap(name, None)
        for name, prepare in (
            ("fit", partial(prepare_fit, forget_steps=self._forget_steps)),
            ("evaluate", prepare_evaluate),
            ("predict", partial(prepare_predict, is_image_by_image=self._is_image_by_image)),
        ):
            # A subclass that wraps one of these expects the arguments that its user passed.
            is_own = getattr(self._class, name) is not getattr(keras.Model, name)
            hooks[name] = self._wrap(name, None if is_own else prepare)
        for name, hook in hooks.items():
            setattr(self._model, name, hook)

    def _wrap(
        self, name: str, prepare: Callable[[keras.Model, dict[str, Any]], None] | None
    ) -> Callable[..., Any]:
        """Wrap a Keras method: prepare its arguments, have steps compiled again, set the device."""
        method = getattr(self._class, name)
        signature = inspect.signature(method)

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._forget_steps()
            method = getattr(self._class, name)  # which a program may have replaced meanwhile
            try:
                bound = signature.bind(self._model, *args, **kwargs)
            except TypeError:
                return method(self._model, *args, **kwargs)  # raises the error that Python raises
            fit_warnings = FitWarnings(self._model) if name == "fit" else None
            before, self._context = self._context, LoopContext(fit_warnings=fit_warnings)
            try:
                if fit_warnings is not None:
                    fit_warnings.see_arguments(bound.arguments)
                with on_device(self._device), self._tuned(name):
                    if prepare is not None and not self._is_left_to_keras():
                        prepare(self._model, bound.arguments)
                        self._context = LoopContext.of(bound.arguments, fit_warnings)
                    result = method(*bound.args, **bound.kwargs)
            finally:
                self._context = before
            if name == "compile" and self._model.jit_compile:
                warnings.warn(_COMPILED_BY_TORCH, stacklevel=2)
            return result

        _OURS.add(call)
        hook: Any = call
        hook.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])
        return call

    @contextmanager
    def _tuned(self, name: str) -> Iterator[None]:
        """Change settings of the whole process within a loop, if the user allows it."""
        steps: dict[str, str] = dict(zip(_METHODS, _STEPS, strict=False))
        step = steps.get(name)
        with ExitStack() as stack:
            if step and self._waits is not None:
                stack.enter_context(self._waits.in_loop(step))
            if step and self._keeps_memory:
                stack.enter_context(LARGE_BLOCKS.kept())
            yield

    def _is_image_by_image(self) -> bool:
        """Return whether only the engine runs in an evaluation, where it never mixes images."""
        self._evaluation = evaluation = EvaluationStep(self._model, self._dtype)  # for the batches
        return not evaluation.runs_keras

    def _forget_steps(self) -> None:
        self._training = self._evaluation = None

    def _is_left_to_keras(self) -> bool:
        """Return whether Keras runs the model: by the user's settings, or because it has to."""
        model = self._model
        is_requested = model.compiled and (model.run_eagerly or model.jit_compile)
        return bool(is_requested) or self._has_unexpected_mask or has_torch_hooks(model)

    def _build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Build what is not built yet, as Keras does, after the warnings that explain errors."""
        fit_warnings = self._context.fit_warnings
        if fit_warnings is not None and iterator is not None:
            iterator = fit_warnings.watch(iterator)
        build_symbolically(self._model, iterator=iterator, data_batch=data_batch)

    def _train_step(self, data: Any) -> Any:
        model = self._model
        if self._context.fit_warnings is not None:
            self._context.fit_warnings.see_batch(data)
        if self._is_left_to_keras() or model.optimizer is None:
            return self._class.train_step(model, data)
        self._forget_steps_if_changed()
        training = self._training
        if training is None:
            if not model.trainable_variables:
                return self._class.train_step(model, data)
            self._training = training = TrainingStep(
                model,
                self._dtype,
                self._control,
                weights_may_change=self._context.runs_user_code,
                features=self._context.features,
            )
        inputs = training.inputs_of(data)
        if inputs is None:
            return self._class.train_step(model, data)
        for weight in training.weights:
            weight.grad = None
        try:
            forward, gradients = self._gradients(training, inputs, data)
        except UnexpectedMaskError as error:
            self._leave_to_keras(error)
            return self._class.train_step(model, data)
        for weight, gradient in zip(training.weights, gradients, strict=True):
            weight.grad = gradient
        return self._logs(training.apply(forward, gradients, data))

    def _gradients(self, step: TrainingStep, inputs: Inputs, data: Any) -> Any:
        """Return what `TrainingStep.gradients` does; if memory runs out, from halves of batches."""
        try:
            return step.gradients(inputs, data)
        except (RuntimeError, MemoryError) as error:
            can_halve = self._control.num_parts == 1 and len(first_tensor(inputs)) > 1
            if not can_halve or not is_out_of_memory(error):
                raise
        # Outside of `except`, where the error no longer keeps the failed pass in memory.
        release_memory()
        self._control.num_parts = 2
        warnings.warn(_IN_HALVES, stacklevel=2)
        return step.gradients(inputs, data)

    def _test_step(self, data: Any) -> Any:
        evaluate = self._class.test_step
        return self._evaluated(data, lambda: evaluate(self._model, data), EvaluationStep.test)

    def _predict_step(self, data: Any) -> Any:
        predict = self._class.predict_step
        return self._evaluated(
            data,
            lambda: predict(self._model, data),
            lambda step, inputs, _: step.predict(inputs),
        )

    def _evaluated(
        self,
        data: Any,
        keras_step: Callable[[], Any],
        step: Callable[[EvaluationStep, Inputs, Any], Any],
    ) -> Any:
        if self._is_left_to_keras():
            return keras_step()
        self._forget_steps_if_changed()
        evaluation = self._evaluation  # another thread may predict, and forget it
        if evaluation is None:
            may_change = self._context.runs_user_code
            evaluation = EvaluationStep(self._model, self._dtype, weights_may_change=may_change)
            self._evaluation = evaluation
        inputs = evaluation.inputs_of(data)
        if inputs is None:
            return keras_step()
        try:
            return self._logs(step(evaluation, inputs, data))
        except UnexpectedMaskError as error:
            self._leave_to_keras(error)
            return keras_step()

    def _forget_steps_if_changed(self) -> None:
        if self._context.runs_user_code:
            settings = layer_settings(self._model)
            if settings != self._settings:
                self._forget_steps()
            self._settings = settings

    def _leave_to_keras(self, error: UnexpectedMaskError) -> None:
        self._has_unexpected_mask = True
        warnings.warn(_MASKED.format(model=self._model.name, layer=error), stacklevel=2)

    def _logs(self, logs: Any) -> Any:
        """Return logs as this loop reads them: outside of our `fit`, a dict like Keras's."""
        if isinstance(logs, DeferredLogs) and not self._context.defers_logs:
            return self._model.get_metrics_result()
        return logs
