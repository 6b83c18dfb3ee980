"""`Plan`: a training with everything settled and checked, and nothing written yet."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clearsight.data.imageset import ImageSet, Splits
from clearsight.data.preparation import Preparation
from clearsight.data.sources import find_source
from clearsight.data.split import ValidationSplit, validation_split_of
from clearsight.engine.device import Device, choose_device, on_device
from clearsight.engine.precision import choose_precision, set_precision
from clearsight.errors import DataError, FitError, RunError
from clearsight.models.backend import keras
from clearsight.models.build import ModelRequest, build_model
from clearsight.models.graph import rescales_pixels
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
    splits, limit_notes = _splits(request, recipe)
    with on_device(device):
        keras.utils.set_random_seed(request.seed)
        model = _model(request, splits.train)
        set_precision(model, precision)
        compile_model(model, recipe)
    divisor = 1.0 if rescales_pixels(model) else 255.0
    preparation = Preparation.for_training(splits.train.images, divisor=divisor)
    _check_network(model, preparation, splits.train)
    split = _split(splits.train, recipe, request.seed)
    reproducible, because = _reproducibility(device)
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
        num_parameters=model.count_params(),
        reproducible=reproducible,
        reproducible_because=because,
        versions=versions(),
        machine=machine(device),
    )
    path = request.out or new_path(request.source_name, request.model_name, started)
    notes = (*limit_notes, *([split.warning] if split.warning else []))
    return Plan(
        path=path,
        record=record,
        model=model,
        splits=splits,
        split=split,
        preparation=preparation,
        resumes=False,
        earlier=(),
        notes=notes,
        planned_at=planned_at,
    )


def plan_resumption(path: Path, epochs: int | None = None) -> Plan:
    """Settle how an unfinished run goes on, or a finished one for more epochs.

    Args:
        path: the run's folder.
        epochs: how many epochs it shall have in all; None for what it was asked for.

    Raises:
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
    if len(earlier) >= recipe.epochs:
        raise RunError(
            f"{path} has already done {len(earlier)} of {recipe.epochs} epochs: say how many it "
            f"shall have in all, e.g. --epochs {len(earlier) + 10}."
        )
    if not folder.model_path.is_file():
        raise RunError(f"{path} has no model.keras to go on from: train anew with another --out.")
    splits = limited(load_splits(record.source, record.data_dir), recipe)
    _check_same_pictures(path, record, splits)
    with on_device(record.device):
        # Another order of pictures than in the epochs already done.
        keras.utils.set_random_seed(record.seed + len(earlier))
        model = build_model(ModelRequest(str(folder.model_path)))
    record = record.model_copy(
        update={
            "recipe": recipe,
            "reproducible": False,
            "reproducible_because": "resumed, so the pictures came in another order than in a run "
            "without interruption",
        }
    )
    return Plan(
        path=path,
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
    if recipe is None:
        named = isinstance(request.source, str)
        recipe = find_source(request.source).recipe if named else "lesson"  # pyright: ignore[reportArgumentType]
    if isinstance(recipe, str):
        recipe = find_recipe(recipe)
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
    if isinstance(request.source, ImageSet):
        notes.append("There are no test pictures, so there will be no test score.")
    elif not isinstance(request.source, str):
        used, given = len(splits.train), len(everything.train)
        if used < given:
            notes.append(
                f"The recipe '{recipe.name}' takes the first {used:,} of {given:,} pictures."
            )
    return splits, notes


def _model(request: TrainRequest, train: ImageSet) -> keras.Model:
    if isinstance(request.model, keras.Model):
        return request.model
    return build_model(
        ModelRequest(request.model, request.model_arguments, train.image_shape, train.num_classes)
    )


def _check_network(model: keras.Model, preparation: Preparation, train: ImageSet) -> None:
    output_shape = tuple(model.output_shape)
    if len(output_shape) != 2 or output_shape[-1] != train.num_classes:
        raise FitError(
            [
                f"The network should end in {train.num_classes} units, one a class, but its output "
                f"has shape {output_shape}: build it with num_classes={train.num_classes}."
            ]
        )
    sample = train.first(_CHECKED_IMAGES)
    check_fit(model, preparation.apply(sample.images), sample.labels)


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


def _reproducibility(device: Device) -> tuple[bool, str]:
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
