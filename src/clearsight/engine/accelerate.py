"""`accelerate`: the same Keras model, whose `fit`, `evaluate` and `predict` run lowered.

It sets the hooks that Keras documents for this, ``train_step``, ``test_step`` and ``predict_step``,
on the one object; its class, variables, configuration and file format stay Keras's. Keras's own
`fit`, `evaluate` and `predict` drive the steps.
"""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any, Literal

import torch

from clearsight.engine.batches import InMemoryBatches, is_in_memory
from clearsight.engine.callbacks import BatchedCallbacks
from clearsight.engine.device import Device, DeviceChoice, choose_device, on_device
from clearsight.engine.plans import EvaluationPlan, TrainingPlan
from clearsight.engine.precision import DTYPES, Precision, PrecisionChoice, choose_precision
from clearsight.engine.program import compile_program
from clearsight.errors import ModelError
from clearsight.models.backend import keras, train_validation_split
from clearsight.models.graph import runs_its_graph

Engine = Literal["clearsight", "keras"]

_COMPILED_BY_TORCH = (
    "With jit_compile=True the steps are left to Keras and torch.compile: leave it out to have "
    "them accelerated."
)

# Keras predicts in batches of 32 unless told otherwise. For small pictures the cost of a batch is
# then mostly not arithmetic: 10,000 of 28x28 took 0.45 s in batches of 32, 0.30 s in these.
_PREDICT_BATCH_SIZE = 256
_SMALL_PICTURE = 4_096  # values


def accelerate(
    model: keras.Model, precision: PrecisionChoice = "auto", device: DeviceChoice = "auto"
) -> keras.Model:
    """Make a Keras image classifier train, evaluate and predict at native PyTorch speed.

    Everything in Keras keeps working on it: `fit` with all its arguments and callbacks, `evaluate`,
    `predict`, `train_on_batch`, `save`, `summary`. What cannot be made fast runs in Keras's own
    layers, and a warning says so once. Call it before or after `compile`, and again to change the
    precision.

    Args:
        model: Sequential, Functional, or a subclass of these that does not redefine `call`.
        precision: "float32" follows plain Keras to rounding; "bfloat16" multiplies in eight bits of
            precision, with float32 weights, normalization statistics, loss and optimizer state;
            "auto" takes bfloat16 where the machine is fast in it.
        device: "cpu", "cuda", or "auto" for a GPU where torch sees one. Variables are moved there.

    Returns:
        The same object.

    Raises:
        ModelError: when it is not a built Keras model.
        RequestError: when the precision or device is not one of these or not there.

    Example:
        >>> from clearsight.models.backend import keras, train_validation_split
        >>> model = keras.Sequential([
        ...     keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        >>> model is accelerate(model, precision="float32")
        True
    """
    _, notes = accelerated(model, precision, device)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return model


def accelerated(
    model: keras.Model, precision: PrecisionChoice = "auto", device: DeviceChoice = "auto"
) -> tuple[Precision, tuple[str, ...]]:
    """Do what `accelerate` does, and return the precision and what there is to say to the user."""
    if not isinstance(model, keras.Model):
        raise ModelError(
            f"What is to be accelerated should be a keras.Model, but is a {type(model).__name__}."
        )
    if not model.built:
        raise ModelError(
            f"The network '{model.name}' should know its input shape before it is accelerated: "
            "begin it with keras.Input(shape=(height, width, channels)), or call it once."
        )
    chosen_device = choose_device(device)
    chosen = choose_precision(precision, chosen_device)
    reason = _left_whole(model)
    if reason:
        return "float32", (f"The network '{model.name}' is left to Keras, because {reason}.",)
    optimizer: Any = model.optimizer if model.compiled else None
    for variable in [*model.variables, *(optimizer.variables if optimizer else ())]:
        if variable.value.device.type != chosen_device:
            variable.value.data = variable.value.data.to(chosen_device)
    left = compile_program(model, training=True, dtype=DTYPES[chosen]).left_to_keras
    _Engine(model, DTYPES[chosen], chosen_device).take_over()
    if not left:
        return chosen, ()
    return chosen, (f"Keras itself runs {'; '.join(left)}: all else is fast.",)


def _left_whole(model: keras.Model) -> str:
    """Say why a model cannot be lowered at all; "" when it can."""
    if not runs_its_graph(model):
        return "it has no graph of layers or a `call` of its own"
    for name in ("train_step", "test_step", "predict_step"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return f"it has a `{name}` of its own"
    return ""


class _Engine:
    """The steps of one model, and what they are compiled to.

    What is compiled holds for one epoch, one evaluation or one ``train_on_batch``: whatever a
    callback changes between epochs (a frozen layer, a rate of dropout) is picked up.
    """

    def __init__(self, model: keras.Model, dtype: torch.dtype, device: Device) -> None:
        self._model: Any = model
        self._class: Any = type(model)
        self._dtype = dtype
        self._device: Device = device
        self._training: TrainingPlan | None = None
        self._evaluation: EvaluationPlan | None = None

    def take_over(self) -> None:
        """Set the hooks on the model."""
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
            given["callbacks"] = _and_also(callbacks, _AtEpochBegin(self._forget))
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
        given.update(x=batches, y=None, sample_weight=None, class_weight=None, validation_split=0.0)
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            given["callbacks"] = BatchedCallbacks(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=given.get("epochs", 1),
                steps=given.get("steps_per_epoch") or batches.num_batches,
                model=self._model,
                on_epoch_begin=self._forget,
            )

    def _prepare_evaluate(self, given: dict[str, Any]) -> None:
        x, y, weight = (given.get(name) for name in ("x", "y", "sample_weight"))
        if x is None or not is_in_memory(x, y, weight):
            return
        given.update(
            x=InMemoryBatches(
                x,
                y,
                sample_weight=weight,
                batch_size=given.get("batch_size"),
                steps=given.get("steps"),
            ),
            y=None,
            sample_weight=None,
        )

    def _prepare_predict(self, given: dict[str, Any]) -> None:
        x = given.get("x")
        if x is None or not is_in_memory(x):
            return
        size, steps = given.get("batch_size"), given.get("steps")
        if size is None and steps is None and _values_a_picture(x) <= _SMALL_PICTURE:
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
        return self._training.step(inputs, data)

    def _test_step(self, data: Any) -> Any:
        inputs = None if self._is_left_to_keras() else self._evaluation_plan().inputs_of(data)
        if inputs is None:
            return self._class.test_step(self._model, data)
        return self._evaluation_plan().test_step(inputs, data)

    def _predict_step(self, data: Any) -> Any:
        inputs = None if self._is_left_to_keras() else self._evaluation_plan().inputs_of(data)
        if inputs is None:
            return self._class.predict_step(self._model, data)
        return self._evaluation_plan().predict_step(inputs)

    def _evaluation_plan(self) -> EvaluationPlan:
        if self._evaluation is None:
            self._evaluation = EvaluationPlan(self._model, self._dtype)
        return self._evaluation


def _values_a_picture(x: Any) -> int:
    return sum(math.prod(array.shape[1:]) for array in keras.tree.flatten(x))


class _AtEpochBegin(keras.callbacks.Callback):
    """Calls a function at the beginning of every epoch."""

    def __init__(self, function: Callable[[], None]) -> None:
        super().__init__()
        self._function = function

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        del epoch, logs
        self._function()


def _and_also(callbacks: Any, callback: keras.callbacks.Callback) -> Any:
    if isinstance(callbacks, keras.callbacks.CallbackList):
        everything: Any = callbacks
        everything.append(callback)
        return everything
    return [*keras.tree.flatten(callbacks or []), callback]
