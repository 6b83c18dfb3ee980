"""`Hooks`: what stands in for a model's own methods, so that Keras's loops run lowered steps."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import torch

from clearsight.engine.batches import InMemoryBatches, is_in_memory
from clearsight.engine.callbacks import AtEpochBegin, BatchedCallbacks, and_also, in_this_thread
from clearsight.engine.runtime.allocator import keep_freed_memory
from clearsight.engine.runtime.choices import Device
from clearsight.engine.runtime.device import on_device
from clearsight.engine.runtime.memory import is_out_of_memory, let_go_of_memory
from clearsight.engine.steps import EvaluationPlan, TrainingPlan
from clearsight.models.backend import keras, train_validation_split

_COMPILED_BY_TORCH = (
    "With jit_compile=True the steps are left to Keras and torch.compile: leave it out to have "
    "them accelerated."
)

_IN_HALVES = (
    "Memory ran out in a training step: from here on each batch goes through in two halves whose "
    "gradients are added up, which is a little slower; a smaller batch_size would do without."
)

# Keras predicts in batches of 32 unless told otherwise. For small images the cost of a batch is
# then mostly not arithmetic: 10,000 of 28x28 took 0.45 s in batches of 32, 0.30 s in these.
_PREDICT_BATCH_SIZE = 256
_SMALL_IMAGE = 4_096  # values


class Hooks:
    """The steps of one model, and what they are compiled to.

    What is compiled holds for one epoch, one evaluation or one ``train_on_batch``: whatever a
    callback changes between epochs (a frozen layer, a rate of dropout) is picked up.

    Attributes:
        num_parts: how many pieces a training batch goes through in: 2 once memory has run out.
    """

    def __init__(self, model: keras.Model, dtype: torch.dtype, device: Device) -> None:
        self._model: Any = model
        self._class: Any = type(model)
        self._dtype = dtype
        self._device: Device = device
        self.num_parts = 1
        self._training: TrainingPlan | None = None
        self._evaluation: EvaluationPlan | None = None
        self._reads_logs = False

    def take_over(self) -> None:
        """Set the hooks on the model."""
        keep_freed_memory()
        hooks = {
            "train_step": self._train_step,
            "test_step": self._test_step,
            "predict_step": self._predict_step,
        }
        for name in ("compile", "train_on_batch", "test_on_batch", "predict_on_batch"):
            hooks[name] = self._around(name, None)
        for name, prepare in (
            ("fit", self._prepare_fit),
            ("evaluate", self._prepare_evaluate),
            ("predict", self._prepare_predict),
        ):
            # A subclass that wraps one of these expects to be given what its user gave.
            is_own = getattr(self._class, name) is not getattr(keras.Model, name)
            hooks[name] = self._around(name, None if is_own else prepare)
            # Keras may then call callbacks from another thread, where logs cannot be read late.
            self._reads_logs |= is_own
        for name, hook in hooks.items():
            setattr(self._model, name, hook)

    def _around(
        self, name: str, prepare: Callable[[dict[str, Any]], None] | None
    ) -> Callable[..., Any]:
        """Call a method of Keras's with prepared arguments, on the device, compiled anew."""
        method = getattr(self._class, name)
        signature = inspect.signature(method)

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._forget()
            bound = signature.bind(self._model, *args, **kwargs)
            with on_device(self._device):
                if prepare is not None and not self._is_left_to_keras():
                    prepare(bound.arguments)
                result = method(*bound.args, **bound.kwargs)
            if name == "compile" and self._model.jit_compile:
                warnings.warn(_COMPILED_BY_TORCH, stacklevel=2)
            return result

        own: Any = call
        own.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])
        return call

    def _forget(self) -> None:
        self._training = self._evaluation = None

    def _is_left_to_keras(self) -> bool:
        """Tell whether the user asked to run layer by layer, or for torch.compile."""
        model = self._model
        return bool(model.compiled and (model.run_eagerly or model.jit_compile))

    # What Keras's loops are given: batches from memory, and callbacks that cost little.

    def _prepare_fit(self, given: dict[str, Any]) -> None:
        if not self._model.compiled:
            return  # Keras has the words for it
        x, y, weight = (given.get(name) for name in ("x", "y", "sample_weight"))
        callbacks, verbose = given.get("callbacks"), given.get("verbose", "auto")
        if x is None or not (isinstance(x, InMemoryBatches) or is_in_memory(x, y, weight)):
            given["callbacks"] = and_also(callbacks, AtEpochBegin(self._forget))
            return
        validation = given.get("validation_data")
        if given.get("validation_split") and validation is None:
            parts: Any = train_validation_split(
                (x, y, weight), validation_split=given["validation_split"]
            )
            (x, y, weight), validation = parts
        if isinstance(validation, list | tuple) and is_in_memory(validation):
            batch_size = given.get("validation_batch_size") or given.get("batch_size")
            steps = given.get("validation_steps")
            arrays = keras.utils.unpack_x_y_sample_weight(tuple(validation))
            given["validation_data"] = (
                InMemoryBatches(*arrays, batch_size=batch_size, steps=steps),
                None,
                None,
            )
        else:
            given["validation_data"] = validation
        batches = x
        if not isinstance(x, InMemoryBatches):
            batches = InMemoryBatches(
                x,
                y,
                sample_weight=weight,
                batch_size=given.get("batch_size"),
                steps=given.get("steps_per_epoch"),
                shuffle=given.get("shuffle", True),
                class_weight=given.get("class_weight"),
            )
        self._build(batches)
        given.update(x=batches, y=None, sample_weight=None, class_weight=None, validation_split=0.0)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            given["callbacks"] = and_also(callbacks, AtEpochBegin(self._forget))
        else:
            given["callbacks"] = BatchedCallbacks(
                and_also(callbacks, AtEpochBegin(self._forget)),
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=given.get("epochs", 1),
                steps=given.get("steps_per_epoch") or batches.num_batches,
                model=self._model,
            )

    def _build(self, batches: InMemoryBatches) -> None:
        """Build the loss and the metrics on a real batch, where they are not built yet.

        Keras would do it symbolically, on torch's "meta" device, whose first use imports torch's
        compiler: 1.5 seconds. The batch is drawn as Keras would draw it.
        """
        model = self._model
        parts = [part for part in (model._compile_metrics, model._compile_loss) if part is not None]
        if all(part.built for part in parts):
            return
        batch = next(iter(batches.get_torch_dataloader()))
        _, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        inputs = self._evaluation_plan().inputs_of(batch)
        if inputs is None or y is None:
            return  # Keras has the words for it
        with torch.no_grad():
            outputs = self._evaluation_plan().predict_step(inputs)
        for part in parts:
            if not part.built:
                part.build(y, outputs)
        self._forget()

    def _prepare_evaluate(self, given: dict[str, Any]) -> None:
        x, y, weight = (given.get(name) for name in ("x", "y", "sample_weight"))
        callbacks, verbose = given.get("callbacks"), given.get("verbose", "auto")
        if x is None or not is_in_memory(x, y, weight):
            given["callbacks"] = in_this_thread(callbacks)
            return
        batches = InMemoryBatches(
            x,
            y,
            sample_weight=weight,
            batch_size=given.get("batch_size"),
            steps=given.get("steps"),
        )
        given.update(x=batches, y=None, sample_weight=None)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            given["callbacks"] = BatchedCallbacks(
                callbacks,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=1,
                steps=given.get("steps") or batches.num_batches,
                model=self._model,
            )

    def _prepare_predict(self, given: dict[str, Any]) -> None:
        x = given.get("x")
        if x is None or not is_in_memory(x):
            return
        size, steps = given.get("batch_size"), given.get("steps")
        if size is None and steps is None and _values_a_image(x) <= _SMALL_IMAGE:
            size = _PREDICT_BATCH_SIZE
        given["x"] = InMemoryBatches(x, batch_size=size, steps=steps)

    # The steps themselves.

    def _train_step(self, data: Any) -> Any:
        model = self._model
        if self._is_left_to_keras() or model.optimizer is None or not model.trainable_variables:
            return self._class.train_step(model, data)
        if self._training is None:
            self._training = TrainingPlan(model, self._dtype)
        inputs = self._training.inputs_of(data)
        if inputs is None:
            return self._class.train_step(model, data)
        try:
            return self._given(self._training.step(inputs, data, num_parts=self.num_parts))
        except (RuntimeError, MemoryError) as error:
            is_last = self.num_parts > 1 or len(inputs[0]) == 1
            if is_last or not is_out_of_memory(error):
                raise
        # Out here the error is gone, and with it all that the failed step held in memory.
        let_go_of_memory()
        self.num_parts = 2
        warnings.warn(_IN_HALVES, stacklevel=2)
        return self._given(self._training.step(inputs, data, num_parts=self.num_parts))

    def _test_step(self, data: Any) -> Any:
        inputs = None if self._is_left_to_keras() else self._evaluation_plan().inputs_of(data)
        if inputs is None:
            return self._class.test_step(self._model, data)
        return self._given(self._evaluation_plan().test_step(inputs, data))

    def _given(self, logs: Any) -> Any:
        return logs.copy() if self._reads_logs else logs

    def _predict_step(self, data: Any) -> Any:
        inputs = None if self._is_left_to_keras() else self._evaluation_plan().inputs_of(data)
        if inputs is None:
            return self._class.predict_step(self._model, data)
        return self._evaluation_plan().predict_step(inputs)

    def _evaluation_plan(self) -> EvaluationPlan:
        if self._evaluation is None:
            self._evaluation = EvaluationPlan(self._model, self._dtype)
        return self._evaluation


def num_parts_of(model: keras.Model) -> int:
    """Return how many pieces a model's training batches go through in; see `Hooks`."""
    hooks = getattr(model.train_step, "__self__", None)
    return hooks.num_parts if isinstance(hooks, Hooks) else 1


def _values_a_image(x: Any) -> int:
    return sum(math.prod(array.shape[1:]) for array in keras.tree.flatten(x))
