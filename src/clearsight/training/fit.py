"""Train a model: Keras's own `fit` on prepared arrays, recorded epoch by epoch."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from clearsight.engine.optimizers.muon import Muon
from clearsight.models.backend import keras
from clearsight.training.augment import AugmentedBatches
from clearsight.training.checkpoint.saving import Checkpointing, SaveCheckpoints
from clearsight.training.examples import Examples, ImageBatches
from clearsight.training.history import History, patience_has_run_out
from clearsight.training.progress import TrainingProgress
from clearsight.training.recipe import Recipe
from clearsight.training.recorder import EpochRecorder
from clearsight.training.schedule import LearningRateSchedule
from clearsight.training.slow_epochs import SlowEpochs
from clearsight.training.steps import watched_steps
from clearsight.training.stopping import Stopper, StopRequested, TrainingStoppedError


@dataclass(frozen=True)
class FitData:
    """The examples to train and to validate on; for their targets see `encode_targets`."""

    train: Examples
    validation: Examples


# Adam's learning rate relative to Muon's: Muon's own rms_rate, so that both make equal steps.
_ADAM_LEARNING_RATE_RATIO = 0.2


def compile_model(model: keras.Model, recipe: Recipe) -> None:
    """Compile the model with the recipe's optimizer and loss, and with accuracy.

    Smoothed labels are fractions of all classes, so targets are then one-hot; see `encode_targets`.
    """
    smoothing = recipe.label_smoothing
    model.compile(
        optimizer=_make_optimizer(model, recipe),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        if smoothing
        else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def _make_optimizer(model: keras.Model, recipe: Recipe) -> keras.optimizers.Optimizer:
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(
            recipe.learning_rate, beta_2=recipe.beta_2, weight_decay=recipe.weight_decay or None
        )
    last = next(layer for layer in reversed(model.layers) if layer.weights)
    return Muon(
        recipe.learning_rate,
        momentum=recipe.momentum,
        ns_steps=4,  # the fewest that lost no accuracy; 3 and 5 were tried too
        adam_lr_ratio=_ADAM_LEARNING_RATE_RATIO,  # pyright: ignore[reportArgumentType]
        adam_beta_2=recipe.beta_2,
        weight_decay=recipe.weight_decay,
        adam_weight_decay=recipe.weight_decay,
        exclude_layers=[f"(^|/){re.escape(last.name)}/"],
    )


def encode_targets(labels: np.ndarray, num_classes: int, recipe: Recipe) -> np.ndarray:
    """Return labels, int64 (N,), as the recipe's loss takes them: as is, or one-hot float32 (N, K).

    Labels are one-hot if the recipe smooths them.
    """
    return np.eye(num_classes, dtype=np.float32)[labels] if recipe.label_smoothing else labels


def fit_model(
    model: keras.Model,
    data: FitData,
    recipe: Recipe,
    *,
    checkpointing: Checkpointing,
    stopper: Stopper,
    progress: TrainingProgress,
) -> History:
    """Train a compiled model until the recipe's last epoch, or until its patience runs out.

    Args:
        model: compiled, maps images to class probabilities; has the variables of the checkpoint
            to resume from.
        data: images with targets.
        recipe: gives epochs, batch size, schedule and patience.
        checkpointing: where to resume from and how to save checkpoints.
        stopper: ends the training early.
        progress: shows how far it is.

    Returns:
        All epochs, including those before the checkpoint to resume from.

    Raises:
        OutputError: if the last checkpoint cannot be written.
        StopRequested: after a signal, when everything trained so far has been saved.
        TrainingStoppedError: if training fails; it can be resumed from the last checkpoint.
    """
    earlier, start = checkpointing.earlier, checkpointing.start
    if patience_has_run_out(earlier, recipe.patience):
        return earlier
    if start is not None:
        start.random_state.restore()
    batches = AugmentedBatches(data.train, recipe)
    if start is not None and not start.is_initial:
        batches.load_state_dict(start.tensors_of("batches"))
    recorder = EpochRecorder(earlier)
    saver = SaveCheckpoints(checkpointing, batches, recorder)

    def stop_early(*_args: Any, **_kwargs: Any) -> None:
        """Decide by the history alone, so that a resumed training ends where it would have."""
        if patience_has_run_out(recorder.history, recipe.patience):
            model.stop_training = True

    early_stopping = keras.callbacks.LambdaCallback(on_epoch_end=stop_early)
    shown = [progress.callback(recorder), SlowEpochs(recorder, progress.announce)]
    callbacks = [recorder, *shown, saver, stopper.callback, early_stopping]
    if start is not None and recipe.schedule == "constant":
        optimizer: Any = model.optimizer
        optimizer.learning_rate.assign(recipe.learning_rate)
    try:
        with progress.training(), stopper.fitting(), watched_steps(model, batches):
            _fit(model, batches, data.validation, recipe, callbacks, first_epoch=len(earlier))
    except StopRequested as stop:
        if stop.is_between_batches:
            saver.save_where_stopped()
        raise StopRequested(
            stop.signal_number,
            is_between_batches=stop.is_between_batches,
            position=saver.position,
        ) from None
    except Exception as error:
        checkpointing.writer.wait()
        raise TrainingStoppedError(saver.position) from error
    checkpointing.writer.finish()
    return recorder.history


def fit_without_checkpoints(model: keras.Model, data: FitData, recipe: Recipe) -> None:
    """Train a compiled model that will be discarded, recording and saving nothing.

    Args:
        model: compiled, maps images to class probabilities.
        data: images with targets.
        recipe: gives epochs, batch size and schedule.
    """
    batches = AugmentedBatches(data.train, recipe)
    _fit(model, batches, data.validation, recipe, [], first_epoch=0)


def _fit(
    model: keras.Model,
    batches: AugmentedBatches,
    validation: Examples,
    recipe: Recipe,
    callbacks: list[Any],
    *,
    first_epoch: int,
) -> None:

    def set_epoch(epoch: int, _logs: Any = None) -> None:
        batches.epoch = epoch

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_begin=set_epoch), *callbacks]
    if recipe.schedule != "constant":
        callbacks.append(LearningRateSchedule(recipe, batches.num_batches, first_epoch=first_epoch))
    validation_batches = ImageBatches(validation, recipe.batch_size, shuffle=False)
    model.fit(
        batches,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        initial_epoch=first_epoch,
        # In a tuple: Keras would take an adapter alone for the images of a pair.
        validation_data=(validation_batches, None, None),
        callbacks=callbacks,
        verbose=0,  # pyright: ignore[reportArgumentType] - Keras documents 0
    )
