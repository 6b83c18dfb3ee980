"""`Plan`: a training with everything settled and checked, and nothing written yet."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic_core import PydanticSerializationError

from clearsight.data.decoding.decode import ALPHA_GROUND, ShowProgress, silent
from clearsight.data.image_set import ImageSet
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.load import default_recipe, resolve_source
from clearsight.data.splits.evenly_spaced import evenly_spaced
from clearsight.data.splits.splits import Splits
from clearsight.data.splits.validation_split import ValidationSplit
from clearsight.engine.runtime.device import Device, choose_device, on_device
from clearsight.errors import RequestError
from clearsight.models.backend import keras
from clearsight.models.graph import pixel_scaling
from clearsight.run.plan.data_notes import notes_of, short_check
from clearsight.run.plan.images import (
    requested_splits,
    split_for_validation,
    with_enough_steps,
)
from clearsight.run.plan.network import (
    check_output,
    own_code_notes,
    requested_model,
    set_engine,
)
from clearsight.run.request import TrainRequest
from clearsight.run.store.folder import check_free, new_path
from clearsight.run.store.machine import machine, versions
from clearsight.run.store.record import RunRecord
from clearsight.training.check_fit import check_fit
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.examples import Examples
from clearsight.training.fit import FitData, compile_model, encode_targets
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import find_recipe

# Images that are looked at to see how pixels are scaled: so many, or fewer large ones.
_CHECKED_IMAGES = 256
_CHECKED_VALUES = 4_000_000


@dataclass(frozen=True)
class Resumed:
    """Where a run goes on.

    Attributes:
        checkpoint: what it goes on from.
        first_batch: how many batches of the unfinished epoch are done, of the size used now.
        damaged: newer checkpoints that were no good.
    """

    checkpoint: Checkpoint
    first_batch: int
    damaged: tuple[Path, ...]


@dataclass(frozen=True)
class Plan:
    """A training, ready to go.

    Attributes:
        path: the run's folder, made only when training begins.
        path_is_named: whether the user chose it.
        record: what ``run.json`` will say.
        model: built and compiled.
        source_name: what to call the source in sentences.
        splits: the images, limits applied.
        split: which of them validate.
        preparation: how images become the network's input.
        resumed: where the run goes on; None when it is new.
        notes: sentences that the user should read before it starts.
        planned_at: `time.perf_counter` when planning began.
        report: whether ``report.html`` is written in the end.
        bundle: whether ``bundle/`` is.
    """

    path: Path
    path_is_named: bool
    record: RunRecord
    model: keras.Model
    source_name: str
    splits: Splits
    split: ValidationSplit
    preparation: Preparation
    resumed: Resumed | None
    notes: tuple[str, ...]
    planned_at: float
    report: bool = True
    bundle: bool = True

    def validation_images(self, most: int | None = None) -> ImageSet:
        """Return the images that validate, or at most so many of them, spread over all."""
        rows = self.split.validation
        images = self.splits.validation or self.splits.train
        return images.take(rows if most is None else rows[evenly_spaced(len(rows), most)])

    def fit_data(self) -> FitData:
        """Return the images that Keras's `fit` gets."""
        held_out = self.splits.validation or self.splits.train
        return FitData(
            train=self._examples(self.splits.train, self.split.train),
            validation=self._examples(held_out, self.split.validation),
        )

    def _examples(self, images: ImageSet, rows: np.ndarray) -> Examples:
        targets = encode_targets(images.labels[rows], images.num_classes, self.record.recipe)
        return Examples(images.images, rows, targets, self.preparation.divisor)


def plan_training(
    request: TrainRequest, show_progress: ShowProgress = silent, *, loaded: Splits | None = None
) -> Plan:
    """Settle and check everything that `request` leaves open.

    Args:
        request: what is asked for.
        show_progress: shows how far the decoding of images is.
        loaded: the source's images, where they have been loaded already.

    Raises:
        ClearsightError: of the kind that fits, when the source, the model, an option or their
            combination is wrong.
    """
    planned_at, started = time.perf_counter(), datetime.now().astimezone()
    if request.out is not None:
        check_free(request.out)
    device = choose_device(request.device)
    recipe = _recipe(request)
    if request.model is None:
        arguments = {**recipe.model_arguments, **request.model_arguments}
        request = request.model_copy(update={"model": recipe.model, "model_arguments": arguments})
    splits, notes = requested_splits(request, recipe, show_progress, loaded)
    split = split_for_validation(splits, recipe, request.seed)
    if request.epochs is None:
        recipe, few_notes = with_enough_steps(recipe, len(split.train))
        notes += few_notes
    with on_device(device):
        keras.utils.set_random_seed(request.seed)
        model = requested_model(request, splits.train)
        compile_model(model, recipe)
    check_output(model, splits.train)
    divisor = 1.0 if pixel_scaling(model) == "rescales" else 255.0
    preparation = Preparation.for_training(
        splits.train.images,
        divisor=divisor,
        resize=request.source_options.resize,
        alpha_ground=None if request.is_named_source else ALPHA_GROUND,
    )
    most = max(_CHECKED_VALUES // math.prod(splits.train.image_shape), 1)
    sample = splits.train.first(min(_CHECKED_IMAGES, most))
    targets = encode_targets(sample.labels, splits.train.num_classes, recipe)
    check_fit(model, preparation.apply(sample.images), targets)
    notes += own_code_notes(request, model)
    precision, engine_notes = set_engine(model, request.engine, request.precision, device)
    notes += engine_notes
    notes += [split.warning] if split.warning else []
    notes += notes_of(short_check(splits, split))
    if recipe.flip != "none":
        notes.append(
            f"The recipe '{recipe.name}' mirrors images left to right. Where left and right "
            "matter (text, digits), take another, e.g. --recipe lesson."
        )
    reproducible, because = _reproducibility(request, device)
    record = RunRecord(
        status="running",
        started_at=started.isoformat(timespec="seconds"),
        source=resolve_source(request.source) if isinstance(request.source, str) else "arrays",
        source_options=request.source_options.resolved(),
        model=request.model_name,
        model_arguments=request.model_arguments,
        recipe=recipe,
        seed=request.seed,
        engine=request.engine,
        precision=precision,
        device=device,
        class_names=splits.train.class_names,
        preparation=preparation.to_json(),
        data={part: images.summary() for part, images in splits.parts.items()},
        split={"method": split.method, "num_validation": len(split.validation)},
        notes=tuple(notes),
        num_parameters=model.count_params(),
        reproducible=reproducible,
        reproducible_because=because,
        versions=versions(),
        machine=machine(device),
        checkpoint_minutes=request.checkpoint_minutes,
        no_test=request.no_test,
    )
    _check_recordable(record)
    return Plan(
        path=request.out or new_path(request.source_name, request.model_name, started),
        path_is_named=request.out is not None,
        record=record,
        model=model,
        source_name=request.source_name,
        splits=splits,
        split=split,
        preparation=preparation,
        resumed=None,
        notes=tuple(notes),
        planned_at=planned_at,
        report=request.report,
        bundle=request.bundle,
    )


def _recipe(request: TrainRequest) -> Recipe:
    recipe = request.recipe
    if recipe is None and isinstance(request.source, str):
        recipe = default_recipe(request.source)
    recipe = find_recipe(recipe or "strong") if not isinstance(recipe, Recipe) else recipe
    if not request.is_named_source:
        recipe = recipe.without_limits()
    return recipe.replace(**request.overrides)


def _check_recordable(record: RunRecord) -> None:
    try:
        record.model_dump(mode="json")
    except PydanticSerializationError as error:
        raise RequestError(
            "The model's arguments should be plain values (numbers, text, lists of them), so that "
            f"the run can record them, but are {record.model_arguments!r}."
        ) from error


def _reproducibility(request: TrainRequest, device: Device) -> tuple[bool, str]:
    if isinstance(request.model, keras.Model):
        return False, "it began with the weights that the model object had at that moment"
    if device == "cuda":
        return False, "some CUDA kernels add in no fixed order"
    return True, "the CPU adds in a fixed order as long as the number of threads stays the same"
