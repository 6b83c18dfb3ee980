"""Going on with a run: from which checkpoint, and whether everything is still as it was."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, InstanceOf, ValidationError

from clearsight.data.decoding.decode import ShowProgress, silent
from clearsight.data.preparation.preparation import Preparation
from clearsight.data.sources.options import SourceOptions
from clearsight.data.sources.python_objects import splits_from_object
from clearsight.data.splits.splits import Splits
from clearsight.engine.runtime.device import choose_device, on_device
from clearsight.errors import RequestError, RunError, format_validation_error
from clearsight.run.plan.images import limited, split_for_validation
from clearsight.run.plan.network import set_engine
from clearsight.run.plan.plan import Plan, Resumed
from clearsight.run.request import CheckpointMinutes
from clearsight.run.resume.changes import changes_since, continued_record, what_counts
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.lock import check_unlocked
from clearsight.run.store.record import RunRecord
from clearsight.run.test_set.images import own_splits
from clearsight.training.checkpoint.checkpoint import (
    Checkpoint,
    checkpoint_files,
    read_newest_checkpoint,
)
from clearsight.training.checkpoint.snapshot import network_from_json, restore_variables
from clearsight.training.early_stopping import patience_has_run_out
from clearsight.training.fit import compile_model
from clearsight.training.recipe import Recipe


class ResumeRequest(BaseModel):
    """How a run is to go on; None means: as it was.

    Attributes:
        path: the run's folder.
        data: the images again, for a run on arrays from Python.
        epochs: how many it shall have in all.
        learning_rate: from here on; must be accepted.
        batch_size: from here on; must be accepted.
        checkpoint_minutes: from here on.
        data_dir: where the source's files lie now.
        accept_changes: whether to go on although something that matters is no longer as it was.
        report: whether ``report.html`` is written when the run has finished.
        bundle: whether ``bundle/`` is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    path: Path
    data: InstanceOf[Splits] | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    checkpoint_minutes: CheckpointMinutes | None = None
    data_dir: Path | None = None
    accept_changes: bool = False
    report: bool = True
    bundle: bool = True


def resume_request(path: str | Path, **options: Any) -> ResumeRequest:
    """Make a `ResumeRequest`, with all mistakes in one sentence.

    Args:
        path: the run's folder.
        **options: its fields; `data` may be any object that `train` takes.

    Raises:
        RequestError: when options are unknown or out of range.
        DataError: when `data` holds no images with labels.
    """
    if options.get("data") is not None:
        options["data"] = splits_from_object(options["data"])
    try:
        return ResumeRequest(path=Path(path), **options)
    except ValidationError as error:
        raise RequestError(
            f"The run cannot be resumed so: {format_validation_error(error)}."
        ) from error


def plan_resumption(request: ResumeRequest, show_progress: ShowProgress = silent) -> Plan:
    """Settle how an unfinished run goes on, or a finished one for more epochs.

    Args:
        request: which run, and what shall be otherwise.
        show_progress: shows how far the decoding of images is.

    Raises:
        RequestError: when an option is out of range.
        RunError: when there is nothing to go on from or nothing left to do, or when something that
            matters has changed and that is not accepted.
    """
    planned_at = time.perf_counter()
    path, folder = request.path, RunFolder.existing(request.path)
    check_unlocked(path)
    record = folder.read_record()
    found = read_newest_checkpoint(folder.checkpoints_path)
    checkpoint = found.checkpoint
    if checkpoint is None:
        raise _nothing_to_go_on_from(path, found.damaged)
    recipe = record.recipe.replace(
        epochs=request.epochs, learning_rate=request.learning_rate, batch_size=request.batch_size
    )
    _check_unfinished(folder, record, recipe, checkpoint)
    splits = limited(_splits(request, record, show_progress), recipe)
    device = choose_device("auto" if record.device == "cuda" else "cpu")
    changes = changes_since(record, recipe, checkpoint, splits, device)
    if changes and not request.accept_changes:
        raise RunError(
            f"{path} should go on as it began, but not everything is as it was: "
            f"{'; '.join(changes)}. Bring back what was, or accept what is with --accept-changes."
        )
    if splits.train.fingerprint != checkpoint.identity["data"]:
        _check_fits(record, splits)
        checkpoint = _at_epoch_begin(checkpoint)
    with on_device(device):
        model = network_from_json(checkpoint.network)
        compile_model(model, recipe)
        restore_variables(model, checkpoint, "model", "optimizer")
        set_engine(model, record.engine, record.precision, device)
    first_batch = checkpoint.num_batches * checkpoint.identity["batch_size"] // recipe.batch_size
    notes = [what_counts(path, record, recipe, checkpoint)]
    notes += [
        f"The checkpoint {file.name} is damaged ({why}); the one before it is used."
        for file, why in found.damaged
    ]
    notes += [f"Accepted: {change}." for change in changes]
    return Plan(
        path=path,
        path_is_named=True,
        record=continued_record(
            _asked_otherwise(record, request), recipe, checkpoint, splits, device, changes
        ),
        model=model,
        source_name=Path(record.source).name,
        splits=splits,
        split=split_for_validation(splits, recipe, record.seed),
        preparation=Preparation.from_json(record.preparation),
        resumed=Resumed(checkpoint, first_batch, tuple(file for file, _ in found.damaged)),
        notes=tuple(notes),
        planned_at=planned_at,
        report=request.report,
        bundle=request.bundle,
    )


def check_current(resumed: Resumed, folder: RunFolder) -> None:
    """Make sure, under the run's lock, that nobody went on with it since it was planned.

    Raises:
        RunError: when somebody has.
    """
    newer = [
        file
        for file in checkpoint_files(folder.checkpoints_path)
        if file.number > resumed.checkpoint.number and file.path not in resumed.damaged
    ]
    if newer:
        raise RunError(
            f"{folder.path} should stand where it stood a moment ago, but another process has gone "
            f"on with it: {folder.resume_command} goes on from there."
        )


def _nothing_to_go_on_from(path: Path, damaged: tuple[tuple[Path, str], ...]) -> RunError:
    if damaged:
        names = ", ".join(file.name for file, _ in damaged)
        return RunError(
            f"{path} should have a checkpoint to go on from, but all are damaged ({names}): bring "
            "them back from a copy, or train anew with another --out."
        )
    return RunError(
        f"{path} should have a checkpoint to go on from, but has none: train anew with another "
        "--out."
    )


def _check_unfinished(
    folder: RunFolder, record: RunRecord, recipe: Recipe, checkpoint: Checkpoint
) -> None:
    done = checkpoint.epochs_done
    is_measured = folder.results_path.is_file() and record.status == "finished"
    if is_measured and patience_has_run_out(checkpoint.history, recipe.patience):
        raise RunError(
            f"{folder.path} has ended early, after {done} epochs, because validation accuracy had "
            f"not been better for {recipe.patience}: to see more epochs, train anew with a larger "
            "patience, or with 0."
        )
    if done > recipe.epochs or (done == recipe.epochs and is_measured):
        raise RunError(
            f"{folder.path} has already done {done} epochs, and {recipe.epochs} in all were asked "
            f"for: say how many it shall have in all, e.g. --epochs {done + 10}."
        )
    if done == recipe.epochs and checkpoint.num_batches:
        raise RunError(
            f"{folder.path} is within epoch {done + 1}, and {recipe.epochs} in all were asked for: "
            f"say how many it shall have in all, e.g. --epochs {done + 1}."
        )


def _splits(request: ResumeRequest, record: RunRecord, show_progress: ShowProgress) -> Splits:
    """Load the run's images again, at the size that its network takes."""
    if record.source == "arrays":
        if request.data is None:
            raise RunError(
                f"{request.path} was trained on arrays from Python, which are not kept: go on in "
                "Python, clearsight.resume(path, data=...), with the same images."
            )
        return request.data
    return own_splits(record, _source_options(request, record), show_progress)


def _source_options(request: ResumeRequest, record: RunRecord) -> SourceOptions:
    if request.data_dir is None:
        return record.source_options
    return record.source_options.model_copy(update={"data_dir": request.data_dir}).resolved()


def _asked_otherwise(record: RunRecord, request: ResumeRequest) -> RunRecord:
    """Return the record with those wishes that change nothing in what is computed."""
    update: dict[str, Any] = {"source_options": _source_options(request, record)}
    if request.checkpoint_minutes is not None:
        update["checkpoint_minutes"] = request.checkpoint_minutes
    return record.model_copy(update=update)


def _check_fits(record: RunRecord, splits: Splits) -> None:
    train = splits.train
    if train.class_names != record.class_names:
        raise RunError(
            f"The images should have the run's classes {', '.join(record.class_names)}, but have "
            f"{', '.join(train.class_names)}: train anew."
        )
    expected = tuple(record.data["train"]["image_shape"])
    if train.image_shape != expected:
        raise RunError(
            f"The images should have the run's shape {expected}, but have {train.image_shape}: "
            "train anew."
        )


def _at_epoch_begin(checkpoint: Checkpoint) -> Checkpoint:
    """Let the unfinished epoch begin again: its order was one of other images."""
    kept = {
        key: tensor
        for key, tensor in checkpoint.tensors.items()
        if not key.startswith(("metrics.", "batches."))
    }
    return replace(checkpoint, num_batches=0, seconds=0.0, tensors=kept)
