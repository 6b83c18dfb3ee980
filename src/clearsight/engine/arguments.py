"""Changes to the arguments of `fit`, `evaluate` and `predict`: batches made from memory, and
callbacks that cost little."""

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from clearsight.engine.batches import InMemoryBatches, is_in_memory
from clearsight.engine.callbacks import AtEpochBegin, BatchedCallbacks
from clearsight.engine.notebook_progress import progress_callbacks
from clearsight.engine.steps import first_tensor
from clearsight.models.backend import keras
from clearsight.models.keras_internals.compiled import build_loss, is_kerass_own, is_loss_built
from clearsight.models.keras_internals.layers import (
    flatten_layers,
    functional_of,
    has_torch_hooks,
    pack_outputs,
)
from clearsight.models.keras_internals.names import train_validation_split

# Keras predicts in batches of 32 by default. For small images the cost of a batch is then mostly
# not arithmetic: 10,000 of 28x28 took 0.45 s in batches of 32, 0.30 s in these (2 cores).
_PREDICT_BATCH_SIZE = 256
_SMALL_IMAGE = 4_096  # values


def prepare_fit(
    model: keras.Model, given: dict[str, Any], *, forget_steps: Callable[[], None]
) -> None:
    """Prepare the arguments of `fit`.

    Args:
        model: an accelerated model.
        given: the arguments.
        forget_steps: called at the beginning of every epoch.
    """
    if not model.compiled:
        return  # let Keras raise
    x, y, weight = given.get("x"), given.get("y"), given.get("sample_weight")
    callbacks = given.get("callbacks")
    is_list = isinstance(callbacks, keras.callbacks.CallbackList)
    if not is_list:
        added = [AtEpochBegin(forget_steps), *progress_callbacks(given)]
        given["callbacks"] = [*keras.tree.flatten(callbacks or []), *added]
    can_be_batched = isinstance(x, InMemoryBatches) or is_in_memory(x, y, weight)
    if x is None or not can_be_batched or not _is_size(given.get("batch_size")):
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
        with suppress(ValueError):  # Keras raises it when it validates
            if _is_size(size):
                batches = InMemoryBatches(*arrays, batch_size=size, steps=steps)
                validation = (batches, None, None)
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
    _build_loss_and_metrics(model, x)
    given.update(x=x, y=None, sample_weight=None, class_weight=None)
    given.update(validation_data=validation, validation_split=0.0)
    if not is_list:
        steps = given.get("steps_per_epoch") or x.num_batches
        _batch_callbacks(model, given, given.get("epochs", 1), steps, add_history=True)


def prepare_evaluate(model: keras.Model, given: dict[str, Any]) -> None:
    """Prepare the arguments of `evaluate`."""
    x, y, weight = given.get("x"), given.get("y"), given.get("sample_weight")
    if x is None or not is_in_memory(x, y, weight) or not _is_size(given.get("batch_size")):
        return
    size, steps = given.get("batch_size"), given.get("steps")
    batches = InMemoryBatches(x, y, sample_weight=weight, batch_size=size, steps=steps)
    given.update(x=batches, y=None, sample_weight=None)
    if not isinstance(given.get("callbacks"), keras.callbacks.CallbackList):
        _batch_callbacks(model, given, 1, steps or batches.num_batches)


def prepare_predict(
    model: keras.Model, given: dict[str, Any], *, is_image_by_image: Callable[[], bool]
) -> None:
    """Prepare the arguments of `predict`.

    Args:
        model: an accelerated model.
        given: the arguments.
        is_image_by_image: returns whether an image's outputs are the same in any batch.
    """
    del model
    x = given.get("x")
    if x is None or not is_in_memory(x) or not _is_size(given.get("batch_size")):
        return
    size, steps = given.get("batch_size"), given.get("steps")
    is_free = size is None and steps is None and not given.get("callbacks")
    arrays = [array for array in keras.tree.flatten(x) if array is not None]
    is_small = sum(math.prod(array.shape[1:]) for array in arrays) <= _SMALL_IMAGE
    if is_free and is_small and is_image_by_image():
        size = _PREDICT_BATCH_SIZE
    given["x"] = InMemoryBatches(x, batch_size=size, steps=steps)


def _is_size(batch_size: Any) -> bool:
    """Return whether this is a valid batch size; for any other Keras raises an error."""
    return batch_size is None or (type(batch_size) is int and batch_size > 0)


def _batch_callbacks(
    model: keras.Model, given: dict[str, Any], epochs: int, steps: int, *, add_history: bool = False
) -> None:
    verbose = given.get("verbose", "auto")
    given["callbacks"] = BatchedCallbacks(
        given.get("callbacks"),
        add_history=add_history,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
        model=model,
    )


def _build_loss_and_metrics(model: keras.Model, batches: InMemoryBatches) -> None:
    """Build the loss and the metrics for a batch, if they are not built yet.

    Keras would call the model symbolically, on torch's "meta" device, whose first use imports
    torch's compiler: 1.5 seconds. Only shapes matter, so zeros replace the outputs here, and no
    layer runs. The batch is drawn, because Keras draws it.
    """
    builds_itself = (
        not is_kerass_own(model, "compute_loss")
        or not is_kerass_own(model, "compute_metrics")
        or not all(layer.built for layer in flatten_layers(model))
        or any(map(has_torch_hooks, flatten_layers(model)))
    )
    if is_loss_built(model) or builds_itself:
        return
    batch = next(iter(batches.get_torch_dataloader()))
    x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
    if y is None or all(array is None for array in keras.tree.flatten(x)):
        return  # let Keras raise
    core, num_images = functional_of(model), len(first_tensor(keras.tree.flatten(x)))
    zeros: list[Any] = [
        keras.ops.zeros((num_images, *(size or 1 for size in output.shape[1:])), output.dtype)
        for output in core.outputs
    ]
    build_loss(model, y, pack_outputs(core, zeros), weights)
