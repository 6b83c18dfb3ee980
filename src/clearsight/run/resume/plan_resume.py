"""Planning how a run is resumed: from which checkpoint, and whether anything has changed."""

import time
from dataclasses import replace
from pathlib import Path

from clearsight.data.decoding.workers import ShowProgress, silent
from clearsight.data.splits.splits import Splits
from clearsight.engine.runtime.device import choose_device, on_device
from clearsight.errors import RunError
from clearsight.option_names import option
from clearsight.run.plan.data import limit, split_data
from clearsight.run.plan.image_check import check_images
from clearsight.run.plan.network import set_engine
from clearsight.run.plan.plan import Plan, ResumePoint
from clearsight.run.request import ARRAYS
from clearsight.run.resume.changes import changes_since, describe_resume, resumed_record
from clearsight.run.resume.image_changes import image_changes
from clearsight.run.resume.request import ResumeRequest
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.lock import check_unlocked
from clearsight.run.store.machine import CheckpointIdentity
from clearsight.run.store.own_files import check_own_files
from clearsight.run.store.record import RunRecord
from clearsight.run.store.run import Run
from clearsight.run.store.source_images import load_run_splits
from clearsight.run.store.split_csv import read_split
from clearsight.training.checkpoint.checkpoint import (
    Checkpoint,
    checkpoint_files,
    read_newest_checkpoint,
)
from clearsight.training.checkpoint.snapshot import build_network, restore_variables
from clearsight.training.fit import compile_model
from clearsight.training.history import patience_has_run_out
from clearsight.training.recipe import Recipe


def plan_resume(request: ResumeRequest, show_progress: ShowProgress = silent) -> Plan:
    """Settle how an unfinished run is resumed, or a finished one trained for more epochs.

    Raises:
        RequestError: when an option is out of range.
        RunError: when there is no checkpoint or nothing left to train, or when something that
            matters has changed and that is not accepted.
    """
    requested_at = time.perf_counter()
    path, folder = request.path, RunFolder.existing(request.path)
    check_own_files(path)
    check_unlocked(path)
    record = folder.read_record()
    found = read_newest_checkpoint(folder.checkpoints_path)
    checkpoint = found.checkpoint
    if checkpoint is None:
        raise _no_checkpoint(path, found.damaged)
    wanted = record.request.with_options(**request.changes)
    recipe = wanted.recipe
    _check_unfinished(folder, record, recipe, checkpoint)
    request.check_model(record.request.model)
    loaded = request.source(wanted.source, wanted.source_options)
    wanted = wanted.with_options(source=loaded if isinstance(loaded, str) else ARRAYS)
    if isinstance(loaded, str):
        now = record.model_copy(update={"request": wanted})
        is_named = request.data is not None
        loaded = load_run_splits(Run(folder, now, is_named), show_progress=show_progress)
    splits = limit(loaded, recipe)
    device = choose_device("auto" if record.request.device == "cuda" else "cpu")
    changes = changes_since(record, recipe, checkpoint, device)
    recorded = {part: images.sha256 for part, images in record.data.items()}
    identity = CheckpointIdentity.of(checkpoint)
    recorded["train"] = identity.data
    if recorded != {part: images.fingerprint for part, images in splits.parts.items()}:
        used_all = splits == loaded  # no limit left some out
        changes += image_changes(read_split(folder.split_path), loaded, used_all=used_all)
    if changes and not request.accept_changes:
        raise RunError(
            f"{path} should be resumed as it began, but some things have changed: "
            f"{'; '.join(changes)}. Restore them, or accept them with "
            f"{option('accept_changes', True)}."
        )
    if splits.train.fingerprint != identity.data:
        _check_fits(record, splits)
        checkpoint = _at_start_of_epoch(checkpoint)
    with on_device(device):
        model = build_network(checkpoint)
        compile_model(model, recipe)
        restore_variables(model, checkpoint, "model", "optimizer")
        _, engine_notes = set_engine(model, wanted.engine, wanted.precision, device)
    decisions = [describe_resume(path, record, recipe, checkpoint)]
    notes = [
        *(
            f"The checkpoint {file.name} is damaged ({why}); the one before it is used."
            for file, why in found.damaged
        ),
        *(f"Accepted: {change}." for change in changes),
    ]
    data = split_data(splits, recipe, wanted.seed)
    checked = check_images(data.splits, data.split)
    first_batch = checkpoint.num_batches * identity.batch_size // recipe.batch_size
    wanted = wanted.model_copy(update={"device": device})
    resumed = resumed_record(record, wanted, checkpoint, splits, changes)
    given = dict(request.changes)
    if wanted.source != record.request.source:
        given["source"] = wanted.source
        decisions.append(f"The images are now read from {wanted.source}.")
    return Plan(
        path=path,
        path_is_given=True,
        record=resumed.with_given(given),
        model=model,
        data=data,
        leaks=checked.leaks,
        preparation=record.preparation,
        resume_point=ResumePoint(checkpoint, first_batch, tuple(f for f, _ in found.damaged)),
        decisions=tuple(decisions),
        # The last ones were shown when the run began, perhaps to another user.
        notes=(*notes, *splits.load_report.remarks, *engine_notes, *checked.notes),
        requested_at=requested_at,
    )


def check_current(point: ResumePoint, folder: RunFolder) -> None:
    """Check, under the run's lock, that no other process resumed the run since it was planned.

    Raises:
        RunError: when one has.
    """
    newer = [
        file
        for file in checkpoint_files(folder.checkpoints_path)
        if file.number > point.checkpoint.number and file.path not in point.damaged
    ]
    if newer:
        raise RunError(
            f"{folder.path} was resumed by another process in the meantime: "
            f"{folder.how_to_resume()} continues from there."
        )


def _no_checkpoint(path: Path, damaged: tuple[tuple[Path, str], ...]) -> RunError:
    found = "has none:"
    if damaged:
        names = ", ".join(file.name for file, _ in damaged)
        found = f"all are damaged ({names}): restore them from a copy, or"
    return RunError(
        f"{path} should have a checkpoint to resume from, but {found} train again with another "
        f"{option('out')}."
    )


def _check_unfinished(
    folder: RunFolder, record: RunRecord, recipe: Recipe, checkpoint: Checkpoint
) -> None:
    done = checkpoint.epochs_done
    is_evaluated = folder.results_path.is_file() and record.status == "finished"
    if is_evaluated and patience_has_run_out(checkpoint.history, recipe.patience):
        raise RunError(
            f"{folder.path} stopped early, after {done} epochs, because validation accuracy had "
            f"not improved for {recipe.patience}: for more epochs, train again with a larger "
            "patience, or with 0."
        )
    is_within = checkpoint.num_batches > 0
    if done > recipe.epochs or (done == recipe.epochs and (is_evaluated or is_within)):
        trained = f"{done} epochs and part of the next" if is_within else f"{done} epochs"
        raise RunError(
            f"{folder.path} has already trained for {trained}, and {recipe.epochs} in total were "
            f"requested: set the total number of epochs, e.g. {option('epochs', done + 10)}."
        )


def _check_fits(record: RunRecord, splits: Splits) -> None:
    train, shape = splits.train, record.data["train"].image_shape
    for what, wanted, found in (
        ("classes", record.class_names, train.class_names),
        ("image shape", shape, train.image_shape),
    ):
        if found != wanted:
            expected, actual = (", ".join(map(str, each)) for each in (wanted, found))
            raise RunError(
                f"The images should have the run's {what} {expected}, but have {actual}: train a "
                "new run."
            )


def _at_start_of_epoch(checkpoint: Checkpoint) -> Checkpoint:
    """Start the unfinished epoch again: its order was one of other images."""
    saved = {
        key: tensor
        for key, tensor in checkpoint.tensors.items()
        if not key.startswith(("metrics.", "batches."))
    }
    return replace(checkpoint, num_batches=0, seconds=0.0, tensors=saved)
