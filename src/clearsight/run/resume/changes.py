"""What has changed since a run was interrupted, and how that is reported and recorded."""

from datetime import datetime
from pathlib import Path
from typing import Any

from clearsight.data.splits.splits import Splits
from clearsight.engine.runtime.choices import Device
from clearsight.run.request import ResolvedRequest
from clearsight.run.store.machine import (
    CheckpointIdentity,
    describe_machine,
    installed_versions,
)
from clearsight.run.store.record import RunRecord, describe_parts
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.history import is_fully_trained
from clearsight.training.recipe import Recipe
from clearsight.training.schedule import learning_rate_factor

_DECISIVE = ("clearsight", "keras", "torch", "numpy")  # versions that the numbers depend on


def changes_since(
    record: RunRecord, recipe: Recipe, checkpoint: Checkpoint, device: Device
) -> list[str]:
    """Describe what matters and differs from when the checkpoint was saved, except the images."""
    before, now = CheckpointIdentity.of(checkpoint), installed_versions()
    old = record.request
    pairs = [
        *((name, before.versions.get(name), now[name]) for name in _DECISIVE),
        ("device", old.device, device),
        ("learning rate", f"{old.recipe.learning_rate:g}", f"{recipe.learning_rate:g}"),
        ("batch size", before.batch_size, recipe.batch_size),
    ]
    return [f"{name} was {was}, is {now}" for name, was, now in pairs if was != now]


def describe_resume(path: Path, record: RunRecord, recipe: Recipe, checkpoint: Checkpoint) -> str:
    """Describe where a run is resumed, and with which epochs, learning rate and threads."""
    done, batches, before = checkpoint.epochs_done, checkpoint.num_batches, record.request.recipe
    where = f" and {batches} batches of epoch {done + 1}" if batches else ""
    if is_fully_trained(checkpoint.history, recipe) and not batches:
        return f"{path} has trained all its epochs: it is evaluated now, without training again."
    sentences = [f"Resuming {path} after {done} of {recipe.epochs} epochs{where}."]
    if recipe.epochs != before.epochs:
        sentences.append(f"It now has {recipe.epochs} epochs instead of {before.epochs}.")
        if recipe.schedule == "constant":
            sentences.append(
                f"The learning rate stays {recipe.learning_rate:g}: its schedule is constant."
            )
        elif done:
            # A fraction of the schedule is the same whatever the number of batches per epoch.
            old, new = (
                each.learning_rate
                * learning_rate_factor(each, min(done, each.epochs - 1), each.epochs)
                for each in (before, recipe)
            )
            sentences.append(
                f"The {recipe.schedule} schedule is stretched to {recipe.epochs} epochs: about "
                f"{new:.3g} in the next epoch, where it would have been {old:.3g}."
            )
    threads = CheckpointIdentity.of(checkpoint).num_threads
    found = describe_machine("cpu")["num_threads"]
    if threads != found:
        sentences.append(
            f"It ran on {threads} threads and now runs on {found}, so the last digits differ; "
            f"OMP_NUM_THREADS={threads} restores them."
        )
    return " ".join(sentences)


def resumed_record(
    record: RunRecord,
    request: ResolvedRequest,
    checkpoint: Checkpoint,
    splits: Splits,
    changes: list[str],
) -> RunRecord:
    """Return the record of a run that is resumed from a checkpoint, with the accepted changes."""
    recipe, device, before = request.recipe, request.device, record.request.recipe
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
    where = f"after epoch {checkpoint.epochs_done} and {checkpoint.num_batches} batches"
    reasons = list(changes)
    if CheckpointIdentity.of(checkpoint).num_threads != describe_machine(device)["num_threads"]:
        reasons.append("another number of threads")
    uses_kernels = request.precision == "bfloat16" and device == "cpu"
    if uses_kernels and record.machine.get("kernels") != describe_machine(device)["kernels"]:
        reasons.append("compiled kernels in place of torch's, or the reverse")
    if recipe.schedule != "constant" and recipe.epochs != before.epochs:
        reasons.append(f"{recipe.epochs} epochs after a schedule for {before.epochs}")
    update: dict[str, Any] = {
        "request": request,
        "versions": installed_versions(),
        "machine": describe_machine(device),
        "data": describe_parts(splits),
        "resumptions": (*record.resumptions, f"{now}: {where}"),
        "changes": (*record.changes, *(f"{now}, {where}: {change}" for change in changes)),
    }
    if record.reproducible and reasons:
        update["reproducible"] = False
        update["reproducible_because"] = f"resumed with changes: {'; '.join(reasons)}"
    return record.with_status("running").model_copy(update=update)
