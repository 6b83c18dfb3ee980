"""`accelerate`: makes a Keras model's `fit`, `evaluate` and `predict` run on the engine.

It sets the methods that Keras documents for this, ``train_step``, ``test_step`` and
``predict_step``, on the one object; its class, variables, configuration and file format stay
Keras's. Keras's own `fit`, `evaluate` and `predict` call the steps.
"""

import math
import warnings
from typing import Any

from clearsight.engine.keras_hooks import Hooks, replaced_method
from clearsight.engine.program.accelerated_fraction import accelerated_fraction
from clearsight.engine.program.compilation import compile_program
from clearsight.engine.runtime.allocator import keep_freed_memory
from clearsight.engine.runtime.choices import DeviceChoice, Precision, PrecisionChoice
from clearsight.engine.runtime.device import choose_device
from clearsight.engine.runtime.precision import DTYPES, choose_precision
from clearsight.engine.runtime.thread_waits import ThreadWaits
from clearsight.errors import ModelError, describe_found
from clearsight.io.argument_checks import check_switch
from clearsight.models.backend import keras
from clearsight.models.graph import uses_default_call


def accelerate(
    model: keras.Model,
    precision: PrecisionChoice = "auto",
    device: DeviceChoice = "auto",
    *,
    tune_process: bool = True,
) -> keras.Model:
    """Make a Keras image classifier train, evaluate and predict at native PyTorch speed.

    Everything in Keras keeps working on it: `fit` with all its arguments and callbacks, `evaluate`,
    `predict`, `train_on_batch`, `save`, `summary`. What cannot be made fast runs in Keras's own
    layers, and a warning says so once. Call it before or after `compile`, and again to change the
    precision.

    Args:
        model: Sequential, Functional, or a subclass of these that does not redefine `call`.
        precision: "float32" trains to plain Keras's very weights on a CPU; "bfloat16" multiplies in
            eight bits of precision, with float32 weights, normalization statistics, loss and
            optimizer state; "float64" multiplies in float64; "auto" is bfloat16 where the machine
            is fast in it. Layers whose dtype policy is float64 always compute in float64.
        device: "cpu", "cuda", or "auto" for a GPU where torch sees one. Variables are moved there.
        tune_process: whether to set the two things that concern the whole process. On Linux with
            glibc, freed memory is kept for the next step rather than returned to the system
            (`mallopt`: M_MMAP_THRESHOLD 32 MiB, M_TRIM_THRESHOLD an eighth of the memory, at most
            2 GiB), which makes an epoch of the reference network 1.2 times as fast; it stays set
            until the process ends. While `fit`, `evaluate` or `predict` runs, that holds for larger
            blocks too (M_MMAP_MAX 0), and on cores that other processes need too, torch's
            threads wait for each other without spinning, if that is faster; the environment
            variables OMP_WAIT_POLICY and GOMP_SPINCOUNT are obeyed instead if they are set.

    Returns:
        The same object.

    Raises:
        ModelError: if it is not a built Keras model.
        RequestError: if the precision or device is not one of these or not available.

    Example:
        >>> import keras
        >>> model = keras.Sequential([
        ...     keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")])
        >>> model is accelerate(model, precision="float32")
        True
    """
    _, notes = accelerate_with_notes(model, precision, device, tune_process=tune_process)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return model


def accelerate_with_notes(
    model: keras.Model,
    precision: PrecisionChoice = "auto",
    device: DeviceChoice = "auto",
    *,
    tune_process: bool = True,
) -> tuple[Precision, tuple[str, ...]]:
    """Do what `accelerate` does; return the precision, and notes instead of warnings."""
    if not isinstance(model, keras.Model):
        raise ModelError(
            f"What is to be accelerated should be a keras.Model, but is {describe_found(model)}."
        )
    tune_process = check_switch(tune_process, "tune_process")
    if not model.built:
        raise ModelError(
            f"The network '{model.name}' should know its input shape before it is accelerated: "
            "begin it with keras.Input(shape=(height, width, channels)), or call it once."
        )
    chosen_device = choose_device(device)
    if isinstance(precision, str) and precision == "auto" and model.compute_dtype == "float64":
        precision = "float64"
    chosen = choose_precision(precision, chosen_device)
    reason = _why_not(model)
    if reason:
        return "float32", (f"The network '{model.name}' is left to Keras, because {reason}.",)
    optimizer: Any = model.optimizer if model.compiled else None
    for variable in [*model.variables, *(optimizer.variables if optimizer else ())]:
        if variable.value.device.type != chosen_device:
            variable.value.data = variable.value.data.to(chosen_device)
    program = compile_program(model, training=True, dtype=DTYPES[chosen])
    if tune_process:
        keep_freed_memory()
    waits = ThreadWaits() if tune_process and chosen_device == "cpu" else None
    hooks = Hooks(model, DTYPES[chosen], chosen_device, waits, keeps_memory=tune_process)
    hooks.install()
    if not program.left_to_keras:
        return chosen, ()
    percent = math.floor(100 * accelerated_fraction(model, program))
    return chosen, (
        f"Keras itself runs {'; '.join(program.left_to_keras)}. About {percent}% of the network's "
        "multiply-adds are accelerated.",
    )


def _why_not(model: keras.Model) -> str:
    """Return why a model cannot be lowered at all, as part of a sentence; "" if it can."""
    if not uses_default_call(model):
        return "it has no graph of layers or a `call` of its own"
    if model.activity_regularizer is not None:
        return "it has an activity_regularizer"
    for name in ("train_step", "test_step", "predict_step"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            return f"it has a `{name}` of its own"
    name = replaced_method(model)
    return f"its `{name}` was replaced" if name else ""
