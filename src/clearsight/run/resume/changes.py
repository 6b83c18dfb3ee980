"""What is said and recorded when a run goes on: what has changed, and which value wins."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from clearsight.data.splits.splits import Splits
from clearsight.engine.runtime.device import Device
from clearsight.run.store.machine import machine, versions
from clearsight.run.store.record import RunRecord
from clearsight.training.checkpoint.checkpoint import Checkpoint
from clearsight.training.recipe import Recipe
from clearsight.training.schedule import learning_rate_factor

_DECISIVE = ("clearsight", "keras", "torch", "numpy")  # versions that the numbers depend on


def changes_since(
    record: RunRecord, recipe: Recipe, checkpoint: Checkpoint, splits: Splits, device: Device
) -> list[str]:
    """Say what matters and is no longer as it was when the checkpoint was made."""
    before, now = checkpoint.identity, versions()
    recorded = {part: data["sha256"] for part, data in record.data.items() if data}
    recorded["train"] = before["data"]
    found = {part: images.fingerprint for part, images in splits.parts.items()}
    pairs = [
        *(
            (
                f"the {part} images' SHA-256",
                recorded.get(part, "none")[:12],
                found.get(part, "none")[:12],
            )
            for part in {**recorded, **found}
        ),
        *((name, before["versions"].get(name), now[name]) for name in _DECISIVE),
        ("device", record.device, device),
        ("learning rate", f"{record.recipe.learning_rate:g}", f"{recipe.learning_rate:g}"),
        ("batch size", before["batch_size"], recipe.batch_size),
    ]
    return [f"{name} was {old}, is {new}" for name, old, new in pairs if old != new]


def what_counts(path: Path, record: RunRecord, recipe: Recipe, checkpoint: Checkpoint) -> str:
    """Say where a run goes on, and which values count, the run's or the command's."""
    done, batches = checkpoint.epochs_done, checkpoint.num_batches
    where = f" and {batches} batches of epoch {done + 1}" if batches else ""
    sentences = [f"Going on with {path} after {done} of {recipe.epochs} epochs{where}."]
    if recipe.epochs != record.recipe.epochs:
        sentences.append(
            f"The command's {recipe.epochs} epochs count, no longer the run's "
            f"{record.recipe.epochs}."
        )
    if recipe.schedule == "constant":
        if recipe.epochs != record.recipe.epochs:
            sentences.append(
                f"The learning rate stays {recipe.learning_rate:g}: its schedule is constant."
            )
    elif recipe.epochs != record.recipe.epochs and done:
        # Shares of the whole are the same whatever the number of batches an epoch.
        old, new = (
            each.learning_rate * learning_rate_factor(each, min(done, each.epochs - 1), each.epochs)
            for each in (record.recipe, recipe)
        )
        sentences.append(
            f"The {recipe.schedule} schedule is stretched to {recipe.epochs} epochs and goes on "
            f"where that puts it: about {new:.3g} in the next epoch, where the run's own had "
            f"{old:.3g}."
        )
    threads = checkpoint.identity["num_threads"]
    found = machine("cpu")["num_threads"]
    if threads != found:
        sentences.append(
            f"It ran on {threads} threads and now runs on {found}, so that the last digits differ; "
            f"OMP_NUM_THREADS={threads} brings them back."
        )
    return " ".join(sentences)


def continued_record(
    record: RunRecord,
    recipe: Recipe,
    checkpoint: Checkpoint,
    splits: Splits,
    device: Device,
    changes: list[str],
) -> RunRecord:
    """Return the record of the run from here on."""
    now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
    where = f"after epoch {checkpoint.epochs_done} and {checkpoint.num_batches} batches"
    reasons = list(changes)
    if checkpoint.identity["num_threads"] != machine(device)["num_threads"]:
        reasons.append("another number of threads")
    uses_kernels = record.precision == "bfloat16" and device == "cpu"
    if uses_kernels and record.machine.get("kernels") != machine(device)["kernels"]:
        reasons.append("compiled kernels in place of torch's, or the reverse")
    if recipe.schedule != "constant" and recipe.epochs != record.recipe.epochs:
        reasons.append(f"{recipe.epochs} epochs after a schedule for {record.recipe.epochs}")
    update: dict[str, Any] = {
        "recipe": recipe,
        "device": device,
        "versions": versions(),
        "machine": machine(device),
        "data": {part: images.summary() for part, images in splits.parts.items()},
        "resumptions": (*record.resumptions, f"{now}: {where}"),
        "changes": (*record.changes, *(f"{now}, {where}: {change}" for change in changes)),
    }
    if record.reproducible and reasons:
        update["reproducible"] = False
        update["reproducible_because"] = f"resumed with changes: {'; '.join(reasons)}"
    return record.model_copy(update=update)
