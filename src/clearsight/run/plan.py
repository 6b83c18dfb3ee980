"""`Plan`: a training with everything settled and checked, and nothing written yet."""

from __future__ import annotations

import tempfile
import time
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import PydanticSerializationError

from clearsight.data.imageset import ImageSet, Splits
from clearsight.data.preparation import Preparation
from clearsight.data.sources import find_source
from clearsight.data.split import ValidationSplit, validation_split_of
from clearsight.engine.device import Device, choose_device, on_device
from clearsight.engine.precision import choose_precision, set_precision
from clearsight.errors import DataError, FitError, ModelError, RequestError, RunError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.graph import graph_of, pixel_scaling
from clearsight.run.folder import RunFolder, RunRecord, check_free, new_path
from clearsight.run.machine import machine, versions
from clearsight.run.request import TrainRequest
from clearsight.training.check_fit import check_fit
from clearsight.training.fit import FitData, compile_model
from clearsight.training.history import History, read_history
from clearsight.training.recipe import Recipe
from clearsight.training.recipes import find_recipe

_CHECKED_IMAGES = 256  # enough to see how pixels are scaled


@dataclass(frozen=True)
class Plan:
    """A training, ready to go.

    Attributes:
        path: the run's folder, made only when training begins.
        path_is_named: whether the user chose it.
        record: what ``run.json`` will say.
        model: built and compiled.
        splits: the pictures, limits applied.
        split: which of them validate.
        preparation: how pictures become the network's input.
        resumes: whether the run's folder is there already.
        earlier: epochs done before, when a run is resumed.
        notes: sentences that the user should read before it starts.
        planned_at: `time.perf_counter` when planning began.
    """

    path: Path
    path_is_named: bool
    record: RunRecord
    model: keras.Model
    splits: Splits
    split: ValidationSplit
    preparation: Preparation
    resumes: bool
    earlier: History
    notes: tuple[str, ...]
    planned_at: float

    def fit_data(self) -> FitData:
        """Prepare the arrays that Keras's `fit` gets."""
        images, labels = self.splits.train.images, self.splits.train.labels
        train, validation = self.split.train, self.split.validation
        return FitData(
            x=self.preparation.apply(images[train]),
            y=labels[train],
            val_x=self.preparation.apply(images[validation]),
            val_y=labels[validation],
        )


def plan_training(request: TrainRequest) -> Plan:
    """Settle and check everything that `request` leaves open.

    Raises:
        ClearsightError: of the kind that fits, when the source, the model, an option or their
            combination is wrong.
    """
    planned_at, started = time.perf_counter(), datetime.now().astimezone()
    if request.out is not None:
        check_free(request.out)
    device, precision = choose_device(request.device), choose_precision(request.precision)
    recipe = _recipe(request)
    splits, notes = _splits(request, recipe)
    with on_device(device):
        keras.utils.set_random_seed(request.seed)
        model = _model(request, splits.train)
        set_precision(model, precision)
        compile_model(model, recipe)
    _check_output(model, splits.train)
    divisor = 1.0 if pixel_scaling(model) == "rescales" else 255.0
    preparation = Preparation.for_training(splits.train.images, divisor=divisor)
    sample = splits.train.first(_CHECKED_IMAGES)
    check_fit(model, preparation.apply(sample.images), sample.labels)
    notes += _own_code_notes(request, model)
    split = _split(splits.train, recipe, request.seed)
    notes += [split.warning] if split.warning else []
    reproducible, because = _reproducibility(request, device)
    record = RunRecord(
        status="running",
        started_at=started.isoformat(timespec="seconds"),
        source=request.source_name,
        data_dir=str(request.data_dir.resolve()) if request.data_dir else None,
        model=request.model_name,
        model_arguments=request.model_arguments,
        recipe=recipe,
        seed=request.seed,
        precision=precision,
        device=device,
        class_names=splits.train.class_names,
        preparation=preparation.to_json(),
        data={
            "train": _described(splits.train),
            "test": _described(splits.test) if splits.test is not None else None,
        },
        split={"method": split.method, "num_validation": len(split.validation)},
        notes=tuple(notes),
        num_parameters=model.count_params(),
        reproducible=reproducible,
        reproducible_because=because,
        versions=versions(),
        machine=machine(device),
    )
    _check_recordable(record)
    return Plan(
        path=request.out or new_path(request.source_name, request.model_name, started),
        path_is_named=request.out is not None,
        record=record,
        model=model,
        splits=splits,
        split=split,
        preparation=preparation,
        resumes=False,
        earlier=(),
        notes=tuple(notes),
        planned_at=planned_at,
    )


def plan_resumption(path: Path, epochs: int | None = None) -> Plan:
    """Settle how an unfinished run goes on, or a finished one for more epochs.

    Args:
        path: the run's folder.
        epochs: how many epochs it shall have in all; None for what it was asked for.

    Raises:
        RequestError: when the number of epochs is out of range.
        RunError: when there is nothing left to do or the pictures are no longer the same.
    """
    planned_at = time.perf_counter()
    folder = RunFolder.existing(path)
    record = folder.read_record()
    if record.source == "arrays":
        raise RunError(
            f"{path} was trained on arrays from Python, which no longer exist: train anew."
        )
    earlier = read_history(folder.history_path) if folder.history_path.is_file() else ()
    recipe = record.recipe.changed(epochs=epochs)
    is_measured = folder.results_path.is_file() and record.status == "finished"
    if len(earlier) > recipe.epochs or (len(earlier) == recipe.epochs and is_measured):
        raise RunError(
            f"{path} has already done {len(earlier)} epochs, and {recipe.epochs} in all were asked "
            f"for: say how many it shall have in all, e.g. --epochs {len(earlier) + 10}."
        )
    if not folder.model_path.is_file():
        raise RunError(f"{path} has no model.keras to go on from: train anew with another --out.")
    splits = limited(load_splits(record.source, record.data_dir), recipe)
    _check_same_pictures(path, record, splits)
    device = choose_device("auto")
    with on_device(device):
        # Another order of pictures than in the epochs already done.
        keras.utils.set_random_seed(record.seed + len(earlier))
        model = build_model(ModelRequest(str(folder.model_path)))
    record = record.model_copy(
        update={
            "recipe": recipe,
            "device": device,
            "reproducible": False,
            "reproducible_because": "resumed, so the pictures came in another order than in a run "
            "without interruption",
        }
    )
    return Plan(
        path=path,
        path_is_named=True,
        record=record,
        model=model,
        splits=splits,
        split=_split(splits.train, recipe, record.seed),
        preparation=Preparation.from_json(record.preparation),
        resumes=True,
        earlier=earlier,
        notes=(f"Going on with {path} after {len(earlier)} of {recipe.epochs} epochs.",),
        planned_at=planned_at,
    )


def load_splits(source: Any, data_dir: str | Path | None) -> Splits:
    """Return the pictures of a source's name, an `ImageSet` or `Splits`."""
    if isinstance(source, Splits):
        return source
    if isinstance(source, ImageSet):
        return Splits(source)
    return find_source(source).load(Path(data_dir) if data_dir is not None else None)


def limited(splits: Splits, recipe: Recipe) -> Splits:
    """Keep the first pictures of each part, as many as the recipe takes."""
    test = splits.test.first(recipe.test_limit) if splits.test is not None else None
    return Splits(splits.train.first(recipe.train_limit), test)


def _recipe(request: TrainRequest) -> Recipe:
    recipe = request.recipe
    if recipe is None and isinstance(request.source, str):
        recipe = find_source(request.source).recipe
    recipe = find_recipe(recipe or "lesson") if not isinstance(recipe, Recipe) else recipe
    if not isinstance(request.source, str):
        # A recipe's limits are meant for the source that it belongs to, not for one's own pictures.
        recipe = recipe.model_copy(update={"train_limit": None, "test_limit": None})
    return recipe.changed(**request.overrides)


def _splits(request: TrainRequest, recipe: Recipe) -> tuple[Splits, list[str]]:
    everything = load_splits(request.source, request.data_dir)
    splits = limited(everything, recipe)
    notes = [
        f"{request.source_name} has {len(found):,} {part} pictures, fewer than the {asked:,} asked "
        "for: all of them are used."
        for part, asked, found in (
            ("training", request.train_limit, everything.train),
            ("test", request.test_limit, everything.test),
        )
        if asked is not None and found is not None and asked > len(found)
    ]
    counts = splits.train.class_counts
    lost = np.flatnonzero((counts == 0) & (everything.train.class_counts > 0))
    if len(lost):
        names = ", ".join(f"'{splits.train.class_names[label]}'" for label in lost)
        notes.append(
            f"The first {len(splits.train):,} training pictures hold none of {names}: the network "
            "cannot learn what it never sees. Take more, or shuffle them first."
        )
    if splits.test is None:
        notes.append("There are no test pictures, so there will be no test score.")
    return splits, notes


def _model(request: TrainRequest, train: ImageSet) -> keras.Model:
    if isinstance(request.model, keras.Model):
        return request.model
    return build_model(
        ModelRequest(request.model, request.model_arguments, train.image_shape, train.num_classes)
    )


def _check_output(model: keras.Model, train: ImageSet) -> None:
    output_shape = model.output_shape
    if isinstance(output_shape, tuple) and output_shape == (None, train.num_classes):
        return
    if len(model.outputs) != 1:
        raise FitError(
            [f"The network should have one output, the classes, but has {len(model.outputs)}."]
        )
    raise FitError(
        [
            f"The network should end in {train.num_classes} units, one a class, but its output "
            f"has shape {output_shape}: build it with num_classes={train.num_classes}."
        ]
    )


def _own_code_notes(request: TrainRequest, model: keras.Model) -> list[str]:
    """Make sure that a network of the user's own can be opened again once it is trained.

    Raises:
        ModelError: when Keras's safe mode cannot load what it has saved.
    """
    if isinstance(request.model, str) and not request.model.rpartition(":")[0].endswith(".py"):
        return []  # the zoo's networks, and files that were just loaded
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's, that an optimizer has no state before training
        path = Path(folder) / "model.keras"
        model.save(path)
        try:
            build_model(ModelRequest(str(path)))
        except ModelError as error:
            raise ModelError(
                f"'{request.model_name}' could be trained, but not opened again afterwards "
                f"({str(error.__cause__).splitlines()[0]}): use Keras's own layers, or register "
                "yours with @keras.saving.register_keras_serializable()."
            ) from error
    own = {
        type(call.layer).__name__
        for call in graph_of(model).calls
        if type(call.layer).__module__.partition(".")[0] != "keras"
    }
    if not own:
        return []
    return [
        f"The network has layers of your own ({', '.join(sorted(own))}): import their code before "
        "you open this run in Python; the command line cannot open it."
    ]


def _check_recordable(record: RunRecord) -> None:
    try:
        record.model_dump(mode="json")
    except PydanticSerializationError as error:
        raise RequestError(
            "The model's arguments should be plain values (numbers, text, lists of them), so that "
            f"the run can record them, but are {record.model_arguments!r}."
        ) from error


def _split(train: ImageSet, recipe: Recipe, seed: int) -> ValidationSplit:
    split = validation_split_of(
        train.labels, recipe.validation_split, recipe.validation_method, seed
    )
    if not len(split.train) or not len(split.validation):
        raise DataError(
            f"There should be training and validation pictures, but of {len(train):,} pictures a "
            f"validation_split of {recipe.validation_split} leaves {len(split.train):,} and "
            f"{len(split.validation):,}: give more pictures or another --validation-split."
        )
    return split


def _reproducibility(request: TrainRequest, device: Device) -> tuple[bool, str]:
    if isinstance(request.model, keras.Model):
        return False, "it began with the weights that the model object had at that moment"
    if device == "cuda":
        return False, "some CUDA kernels add in no fixed order"
    return True, "the CPU adds in a fixed order as long as the number of threads stays the same"


def _described(images: ImageSet) -> dict[str, Any]:
    return {
        "provenance": images.provenance,
        "num_images": len(images),
        "image_shape": list(images.image_shape),
        "class_counts": images.class_counts.tolist(),
        "sha256": images.fingerprint,
    }


def _check_same_pictures(path: Path, record: RunRecord, splits: Splits) -> None:
    expected = record.data["train"]["sha256"]
    if splits.train.fingerprint != expected:
        raise RunError(
            f"{path} was trained on pictures with SHA-256 {expected[:12]}..., but "
            f"'{record.source}' now gives {splits.train.fingerprint[:12]}...: bring the old "
            "pictures back, or train anew."
        )
