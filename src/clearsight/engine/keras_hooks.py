"""`Hooks`: methods set on a model object, through which Keras's loops run the engine's steps."""

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import torch

from clearsight.engine.batches import InMemoryBatches, is_in_memory
from clearsight.engine.callbacks import (
    AtEpochBegin,
    BatchedCallbacks,
    in_this_thread,
    with_callback,
)
from clearsight.engine.runtime.choices import Device
from clearsight.engine.runtime.device import on_device
from clearsight.engine.runtime.memory import is_out_of_memory, release_memory
from clearsight.engine.step_control import add_step_control
from clearsight.engine.steps import EvaluationStep, TrainingStep
from clearsight.models.backend import keras
from clearsight.models.keras_internals import train_validation_split, unbuilt_parts

_COMPILED_BY_TORCH = (
    "With jit_compile=True the steps are left to Keras and torch.compile: leave it out to have "
    "them accelerated."
)

_IN_HALVES = (
    "Memory ran out in a training step: from here on each batch goes through in two halves whose "
    "gradients are added up, which is a little slower; a smaller batch_size would do without."
)

# Keras predicts in batches of 32 by default. For small images the cost of a batch is then mostly
# not arithmetic: 10,000 of 28x28 took 0.45 s in batches of 32, 0.30 s in these (2 cores).
_PREDICT_BATCH_SIZE = 256
_SMALL_IMAGE = 4_096  # values


class Hooks:
    """The steps of one model, compiled when they are first needed.

    They are compiled anew for each epoch, each evaluation and each ``train_on_batch``, so that
    whatever a callback changes between epochs (a frozen layer, a dropout rate) takes effect.
    """

    def __init__(self, model: keras.Model, dtype: torch.dtype, device: Device) -> None:
        self._model: Any = model
        self._class: Any = type(model)
        self._dtype = dtype
        self._device: Device = device
        self._control = add_step_control(model)
        self._training: TrainingStep | None = None
        self._evaluation: EvaluationStep | None = None
        self._needs_plain_logs = False

    def install(self) -> None:
        """Set the hooks on the model."""
        hooks = {
            "train_step": self._train_step,
            "test_step": self._test_step,
            "predict_step": self._predict_step,
        }
        for name in ("compile", "train_on_batch", "test_on_batch", "predict_on_batch"):
            hooks[name] = self._wrap(name, None)
        for name, prepare in (
            ("fit", self._prepare_fit),
            ("evaluate", self._prepare_evaluate),
            ("predict", self._prepare_predict),
        ):
            # A subclass that wraps one of these expects the arguments that its user passed.
            is_own = getattr(self._class, name) is not getattr(keras.Model, name)
            hooks[name] = self._wrap(name, None if is_own else prepare)
            # Keras may then call callbacks in another thread, where logs cannot be read late.
            self._needs_plain_logs |= is_own
        for name, hook in hooks.items():
            setattr(self._model, name, hook)

    def _wrap(
        self, name: str, prepare: Callable[[dict[str, Any]], None] | None
    ) -> Callable[..., Any]:
        """Wrap a method of Keras's: arguments prepared, steps compiled anew, on the device."""
        method = getattr(self._class, name)
        signature = inspect.signature(method)

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._forget_steps()
            bound = signature.bind(self._model, *args, **kwargs)
            with on_device(self._device):
                if prepare is not None and not self._is_left_to_keras():
                    prepare(bound.arguments)
                result = method(*bound.args, **bound.kwargs)
            if name == "compile" and self._model.jit_compile:
                warnings.warn(_COMPILED_BY_TORCH, stacklevel=2)
            return result

        hook: Any = call
        hook.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])
        return call

    def _forget_steps(self) -> None:
        self._training = self._evaluation = None

    def _is_left_to_keras(self) -> bool:
        """Return whether the user asked to run layer by layer, or for torch.compile."""
        model = self._model
        return bool(model.compiled and (model.run_eagerly or model.jit_compile))

    # Arguments: batches from memory, and callbacks that cost little.

    def _prepare_fit(self, given: dict[str, Any]) -> None:
        if not self._model.compiled:
            return  # let Keras raise
        x, y, weight = _data(given)
        at_epoch_begin = AtEpochBegin(self._forget_steps)
        callbacks = with_callback(given.get("callbacks"), at_epoch_begin)
        given["callbacks"] = callbacks
        if x is None or not (isinstance(x, InMemoryBatches) or is_in_memory(x, y, weight)):
            return
        validation = given.get("validation_data")
        if given.get("validation_split") and validation is None:
            parts: Any = train_validation_split(
                (x, y, weight), validation_split=given["validation_split"]
            )
            (x, y, weight), validation = parts
        if isinstance(validation, list | tuple) and is_in_memory(validation):
            arrays = keras.utils.unpack_x_y_sample_weight(tuple(validation))
            size = given.get("validation_batch_size") or given.get("batch_size")
            steps = given.get("validation_steps")
            validation = (InMemoryBatches(*arrays, batch_size=size, steps=steps), None, None)
        if not isinstance(x, InMemoryBatches):
            x = InMemoryBatches(
                x,
                y,
                sample_weight=weight,
                batch_size=given.get("batch_size"),
                steps=given.get("steps_per_epoch"),
                shuffle=given.get("shuffle", True),
                class_weight=given.get("class_weight"),
            )
        self._build_loss_and_metrics(x)
        given.update(x=x, y=None, sample_weight=None, class_weight=None)
        given.update(validation_data=validation, validation_split=0.0)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            steps = given.get("steps_per_epoch") or x.num_batches
            epochs = given.get("epochs", 1)
            given["callbacks"] = self._batched(given, epochs, steps, add_history=True)

    def _prepare_evaluate(self, given: dict[str, Any]) -> None:
        x, y, weight = _data(given)
        if x is None or not is_in_memory(x, y, weight):
            given["callbacks"] = in_this_thread(given.get("callbacks"))
            return
        size, steps = given.get("batch_size"), given.get("steps")
        batches = InMemoryBatches(x, y, sample_weight=weight, batch_size=size, steps=steps)
        given.update(x=batches, y=None, sample_weight=None)
        if not isinstance(given.get("callbacks"), keras.callbacks.CallbackList):
            given["callbacks"] = self._batched(given, 1, steps or batches.num_batches)

    def _prepare_predict(self, given: dict[str, Any]) -> None:
        x = given.get("x")
        if x is None or not is_in_memory(x):
            return
        size, steps = given.get("batch_size"), given.get("steps")
        if size is None and steps is None and _values_per_image(x) <= _SMALL_IMAGE:
            size = _PREDICT_BATCH_SIZE
        given["x"] = InMemoryBatches(x, batch_size=size, steps=steps)

    def _batched(
        self, given: dict[str, Any], epochs: int, steps: int, *, add_history: bool = False
    ) -> BatchedCallbacks:
        verbose = given.get("verbose", "auto")
        return BatchedCallbacks(
            given.get("callbacks"),
            add_history=add_history,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
            model=self._model,
        )

    def _build_loss_and_metrics(self, batches: InMemoryBatches) -> None:
        """Build the loss and the metrics on a real batch, if they are not built yet.

        Keras would do it symbolically, on torch's "meta" device, whose first use imports torch's
        compiler: 1.5 seconds. The batch is drawn as Keras would draw it.
        """
        parts = unbuilt_parts(self._model)
        if not parts:
            return
        batch = next(iter(batches.get_torch_dataloader()))
        _, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        evaluation = self._evaluation_step()
        inputs = evaluation.inputs_of(batch)
        if inputs is None or y is None:
            return  # let Keras raise
        with torch.no_grad():
            outputs = evaluation.predict(inputs)
        for part in parts:
            part.build(y, outputs)
        self._forget_steps()

    # The steps themselves.

    def _train_step(self, data: Any) -> Any:
        model = self._model
        if self._is_left_to_keras() or model.optimizer is None or not model.trainable_variables:
            return self._class.train_step(model, data)
        if self._training is None:
            self._training = TrainingStep(model, self._dtype, self._control)
        inputs = self._training.inputs_of(data)
        if inputs is None:
            return self._class.train_step(model, data)
        result = None
        try:
            result = self._training.gradients(inputs, data)
        except (RuntimeError, MemoryError) as error:
            can_halve = self._control.num_parts == 1 and len(inputs[0]) > 1
            if not can_halve or not is_out_of_memory(error):
                raise
        if result is None:
            # Only here is the error gone, and with it all that the failed pass held in memory.
            release_memory()
            self._control.num_parts = 2
            warnings.warn(_IN_HALVES, stacklevel=2)
            result = self._training.gradients(inputs, data)
        return self._logs(self._training.apply(*result, data))

    def _test_step(self, data: Any) -> Any:
        inputs = None if self._is_left_to_keras() else self._evaluation_step().inputs_of(data)
        if inputs is None:
            return self._class.test_step(self._model, data)
        return self._logs(self._evaluation_step().test(inputs, data))

    def _predict_step(self, data: Any) -> Any:
        inputs = None if self._is_left_to_keras() else self._evaluation_step().inputs_of(data)
        if inputs is None:
            return self._class.predict_step(self._model, data)
        return self._evaluation_step().predict(inputs)

    def _logs(self, logs: Any) -> Any:
        return logs.copy() if self._needs_plain_logs else logs

    def _evaluation_step(self) -> EvaluationStep:
        if self._evaluation is None:
            self._evaluation = EvaluationStep(self._model, self._dtype)
        return self._evaluation


def _data(given: dict[str, Any]) -> tuple[Any, Any, Any]:
    return given.get("x"), given.get("y"), given.get("sample_weight")


def _values_per_image(x: Any) -> int:
    return sum(math.prod(array.shape[1:]) for array in keras.tree.flatten(x))
