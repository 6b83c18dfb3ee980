"""`Plan`: a training with everything settled and checked, and nothing written yet."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError

from clearsight.data.decoding.decode import ALPHA_BACKGROUND
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.preparation import Preparation
from clearsight.engine.runtime.choices import Device
from clearsight.engine.runtime.device import on_device
from clearsight.errors import RequestError
from clearsight.models.backend import keras
from clearsight.models.fit_check.check_fit import check_fit
from clearsight.models.object_names import is_keras_model
from clearsight.models.pixel_scaling import pixel_scaling
from clearsight.option_names import option
from clearsight.run.plan.data import TrainingData
from clearsight.run.plan.image_check import Leaks, check_images
from clearsight.run.plan.network import (
    check_output,
    check_reloadable,
    network_for,
    set_engine,
)
from clearsight.run.plan.resolve import ResolvedOptions
from clearsight.run.request import ResolvedRequest, TrainRequest
from clearsight.run.store.location import new_path
from clearsight.run.store.machine import describe_machine, installed_versions
from clearsight.run.store.record import RunRecord, SplitRecord, describe_parts
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.fit import compile_model, encode_targets
from clearsight.training.option_notes import option_notes
from clearsight.training.recipe import Recipe

_MAX_EPOCHS = 60  # more epochs of the same few images mostly memorize them
# Images that are examined to see how pixels are scaled: this many, or fewer large ones.
_CHECKED_IMAGES = 256
_CHECKED_VALUES = 4_000_000


@dataclass(frozen=True)
class ResumePoint:
    """Where a run is resumed.

    Attributes:
        checkpoint: what it is resumed from.
        first_batch: how many batches of the unfinished epoch are done, of the size used now.
        damaged: newer checkpoints that could not be read.
    """

    checkpoint: Checkpoint
    first_batch: int
    damaged: tuple[Path, ...]


@dataclass(frozen=True)
class Plan:
    """A training, ready to run.

    Attributes:
        path: the run's folder, made only when training begins.
        path_is_given: whether the user chose it.
        record: the contents of ``run.json``.
        model: built and compiled.
        data: the images and their split.
        leaks: which images to measure on also appear in the training set.
        preparation: how images become the network's input.
        resume_point: where the run is resumed; None when it is new.
        decisions: sentences about what was decided for the user, and why, except those about the
            images, which `data` has.
        notes: other sentences that the user should read before it starts.
        requested_at: `time.perf_counter` when the training was requested; from the command line,
            when the program was started.
    """

    path: Path
    path_is_given: bool
    record: RunRecord
    model: keras.Model
    data: TrainingData
    leaks: Leaks
    preparation: Preparation
    resume_point: ResumePoint | None
    decisions: tuple[str, ...]
    notes: tuple[str, ...]
    requested_at: float

    @property
    def recipe(self) -> Recipe:
        """How it trains."""
        return self.record.request.recipe

    @property
    def seconds_so_far(self) -> float:
        """Wall-clock time since the request, and that of the epochs of a resumed run's parts."""
        seconds = time.perf_counter() - self.requested_at
        if self.resume_point is None:
            return seconds
        checkpoint = self.resume_point.checkpoint
        return seconds + checkpoint.seconds + sum(epoch.seconds for epoch in checkpoint.history)


def plan_training(resolved: ResolvedOptions, data: TrainingData) -> Plan:
    """Build and check the network for the data, and settle what is still open.

    Raises:
        ClearsightError: a subclass, when the model, an option or their combination is wrong.
    """
    request, device, started = resolved.request, resolved.device, resolved.started
    train = data.splits.train
    recipe, more_epochs = _with_enough_steps(resolved, data.num_train)
    with on_device(device):
        keras.utils.set_random_seed(request.seed)
        model = network_for(request, train)
        compiled = _compiled_notes(model, recipe)
        compile_model(model, recipe)
    check_output(model, train)
    preparation = Preparation.for_training(
        train.images,
        divisor=1.0 if pixel_scaling(model) == "rescales" else 255.0,
        resize=request.source_options.resize,
        alpha_background=None if request.is_named_source else ALPHA_BACKGROUND,
        pixel_range=data.splits.pixel_range,
    )
    _check_fit(model, train, preparation, recipe)
    own_layers = check_reloadable(request, model)
    precision, engine_notes = set_engine(model, request.engine, request.precision, device)
    checked = check_images(data.splits, data.split)
    notes = [*data.notes, *compiled, *own_layers, *engine_notes]
    notes += data.split_notes(recipe.validation_split)
    notes += checked.notes
    notes += option_notes(
        recipe,
        resolved.given_recipe_options,
        train.image_shape,
        data.num_train,
        train.class_names,
    )
    notes += _unused_model_arguments(resolved)
    reproducible, because = _reproducibility(request, device)
    path = request.out or new_path(request.source_name, request.model_name, started)
    settled: dict[str, Any] = {"recipe": recipe, "precision": precision, "device": device}
    record = RunRecord(
        status="running",
        started_at=started.isoformat(timespec="seconds"),
        given=_recordable(resolved.given),
        request=ResolvedRequest.of(request, **settled),
        class_names=train.class_names,
        preparation=preparation,
        data=describe_parts(data.splits),
        split=SplitRecord(
            method=data.split.method,
            num_validation=data.num_validation,
            train_guessing_accuracy=data.train_guessing_accuracy,
            val_guessing_accuracy=data.val_guessing_accuracy,
            # A penalty on weights would have to be added, and changes with them.
            guessing_loss=None if model.losses else data.guessing_loss(recipe.label_smoothing),
        ),
        notes=(*data.decisions, *more_epochs, *notes),
        num_parameters=model.count_params(),
        reproducible=reproducible,
        reproducible_because=because,
        versions=installed_versions(),
        machine=describe_machine(device),
    )
    return Plan(
        path=path,
        path_is_given=request.out is not None,
        record=record,
        model=model,
        data=data,
        leaks=checked.leaks,
        preparation=preparation,
        resume_point=None,
        decisions=tuple(more_epochs),
        notes=tuple(notes),
        requested_at=resolved.requested_at,
    )


def _with_enough_steps(resolved: ResolvedOptions, num_train: int) -> tuple[Recipe, list[str]]:
    """Add epochs when few images would make too few steps, unless the user chose the number."""
    recipe = resolved.recipe
    steps_per_epoch = -(-num_train // recipe.batch_size)
    enough = min(-(-recipe.min_steps // steps_per_epoch), _MAX_EPOCHS)
    if resolved.given.epochs is not None or enough <= recipe.epochs:
        return recipe, []
    return recipe.replace(epochs=enough), [
        f"{enough} epochs instead of {recipe.epochs}, for {enough * steps_per_epoch:,} steps with "
        f"few images ({option('epochs')})."
    ]


def _compiled_notes(model: keras.Model, recipe: Recipe) -> list[str]:
    """Return a note that the network is compiled again, if it was compiled."""
    if not model.compiled:
        return []
    return [
        f"The network '{model.name}' is compiled again, with the optimizer, loss and metrics of "
        f"the recipe '{recipe.name}': to train it as you compiled it, use "
        "clearsight.accelerate(model) and Keras's fit."
    ]


def _unused_model_arguments(resolved: ResolvedOptions) -> list[str]:
    """Return a note that a recipe's network has its own defaults if it is chosen by name."""
    given, recipe = resolved.given, resolved.recipe
    unused = {k: v for k, v in recipe.model_arguments.items() if k not in given.model_arguments}
    if given.model != recipe.model or not unused:
        return []
    return [
        f"The recipe '{recipe.name}' was tuned with a '{recipe.model}' network of other options "
        f"than its defaults: leave {option('model')} out to use them, or add "
        f"{option('model_arguments', unused)}."
    ]


def _check_fit(
    model: keras.Model, train: ImageSet, preparation: Preparation, recipe: Recipe
) -> None:
    most = max(_CHECKED_VALUES // math.prod(train.image_shape), 1)
    sample = train.first(min(_CHECKED_IMAGES, most))
    targets = encode_targets(sample.labels, train.num_classes, recipe)
    check_fit(model, preparation.apply(sample.images), targets)


def _recordable(given: TrainRequest) -> TrainRequest:
    try:
        return TrainRequest(**given.portable())
    except PydanticSerializationError as error:
        raise RequestError(
            "The model's arguments should be plain values (numbers, text, lists of them), so that "
            f"the run can record them, but are {given.model_arguments!r}."
        ) from error


def _reproducibility(request: TrainRequest, device: Device) -> tuple[bool, str]:
    if is_keras_model(request.model):
        return False, "it began with the weights that the model object had at that moment"
    if device == "cuda":
        return False, "some CUDA kernels add in no fixed order"
    return True, "the CPU adds in a fixed order as long as the number of threads stays the same"
