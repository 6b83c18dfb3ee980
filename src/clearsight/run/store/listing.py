"""The list of runs in a folder, with the state of each."""

import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from clearsight.data.sources.options import SourceOptions
from clearsight.errors import RunError
from clearsight.io.folder_entries import entries_below
from clearsight.options import option_fields
from clearsight.run.request import TrainRequest
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.location import is_run, is_seed_runs, member_path
from clearsight.run.store.lock import is_locked
from clearsight.run.store.record import RunRecord, Status, local_time, read_seeds_record

_NEVER = datetime.min.replace(tzinfo=UTC)  # when damaged runs started, for their order in the list
State = Status | Literal["damaged"]
_LEFT_OUT = ["source", "model", "name", "summary"] + [
    option.name
    for option in option_fields(TrainRequest, SourceOptions)
    if option.option.on_resume == "free"
]


@dataclass(frozen=True)
class ListedRun:
    """One run in a list, or several that differ only by their seed.

    Attributes:
        path: its folder.
        state: now; a run whose process died is interrupted. Of a damaged run, whose files cannot
            be read, nothing else is known: text is "", and counts are 0.
        why: reason why a run was interrupted or failed, or what is damaged; else "".
        started_at: local time, ISO 8601 with its offset.
        source: what it was trained on.
        model: as requested.
        epochs_done: finished epochs.
        epochs: requested epochs.
        val_accuracy: of a finished run, that of its results; else the highest so far, None before
            the first epoch ends.
        test_accuracy: None before the test set is evaluated.
        size_bytes: of all its files.
        is_best: whether no other run on the same images has a higher validation accuracy.
        num_seeds: of runs with several seeds, whose epochs are summed over all, and accuracies
            averaged over the finished ones; None for a single run.
        options: everything that determines the weights besides source and model, by their names,
            with those of the recipe and the model among them; JSON-ready.
        given: names of the options that were given.
    """

    path: Path
    state: State
    why: str
    started_at: str
    source: str
    model: str
    epochs_done: int
    epochs: int
    val_accuracy: float | None
    test_accuracy: float | None
    size_bytes: int
    is_best: bool = False
    num_seeds: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    given: tuple[str, ...] = ()


def list_runs(folder: Path) -> list[ListedRun]:
    """List the runs in a folder, damaged ones first, then the oldest; other files are left out.

    Raises:
        RunError: when the folder cannot be read.
    """
    try:
        paths = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise RunError(
            f"{folder} should be a folder of runs, but cannot be read: {error.strerror}."
        ) from error
    found = []
    for path in paths:
        if path.name.startswith("."):
            continue
        try:
            if is_seed_runs(path):
                found.append(_list_seeds(path))
            elif is_run(path):
                found.append(_list_one(path))
        except RunError as error:
            if is_seed_runs(path) or is_run(path):  # not deleted in the meantime
                found.append((_damaged(path, str(error)), ""))
    best = _best_paths(found)
    listed = [replace(run, is_best=run.path in best) for run, _ in found]
    return sorted(listed, key=lambda run: local_time(run.started_at) if run.started_at else _NEVER)


def state_of(folder: RunFolder, record: RunRecord) -> tuple[Status, str]:
    """Return a run's state now, and the reason if it was interrupted or failed."""
    if is_locked(folder.path):
        return "running", ""
    if record.status == "running":
        return "interrupted", "its process died"
    if record.status == "interrupted":
        return "interrupted", f"in {record.interrupted_at}" if record.interrupted_at else "at once"
    return record.status, record.failed_because or ""


def _best_paths(found: Sequence[tuple[ListedRun, str]]) -> set[Path]:
    """Return, for each set of training images, the best run and the best finished run."""
    best: dict[tuple[str, bool], tuple[float, Path]] = {}
    for run, images in found:
        if run.val_accuracy is None:
            continue
        for group in {False, run.state == "finished"}:
            key = (images, group)
            if key not in best or run.val_accuracy > best[key][0]:
                best[key] = (run.val_accuracy, run.path)
    return {path for _, path in best.values()}


def _list_one(path: Path) -> tuple[ListedRun, str]:
    """Return one run, and the SHA-256 of its training images."""
    folder = RunFolder.existing(path)
    record, results = folder.read_record(), folder.read_results()
    history = folder.read_history()
    state, why = state_of(folder, record)
    highest = max((epoch.val_accuracy for epoch in history), default=None)
    listed = ListedRun(
        path=path,
        state=state,
        why=why,
        started_at=record.started_at,
        source=record.request.source,
        model=record.request.model,
        epochs_done=len(history),
        epochs=record.request.recipe.epochs,
        val_accuracy=results.val_accuracy if results is not None else highest,
        test_accuracy=results.test_accuracy if results is not None else None,
        size_bytes=_size_bytes(path),
        options=_options(record.request),
        given=tuple(_options(record.given)),
    )
    return listed, record.data["train"].sha256


def _list_seeds(path: Path) -> tuple[ListedRun, str]:
    """Return runs with several seeds as one, and the SHA-256 of their training images."""
    record = read_seeds_record(path)
    paths = (member_path(path, index) for index in range(record.num_seeds))
    found = [_list_one(member) for member in paths if is_run(member)]
    members = [member for member, _ in found]
    finished = [member for member in members if member.state == "finished"]
    why = ""
    if is_locked(path) or any(member.state == "running" for member in members):
        state: Status = "running"
    elif len(finished) == record.num_seeds:
        state = "finished"
    else:
        state = "failed" if any(member.state == "failed" for member in members) else "interrupted"
        why = f"{len(finished)} of {record.num_seeds} seeds are finished"
    listed = ListedRun(
        path=path,
        state=state,
        why=why,
        started_at=record.started_at,
        source=record.source,
        model=record.model,
        epochs_done=sum(member.epochs_done for member in members),
        epochs=record.num_seeds * max((member.epochs for member in members), default=0),
        val_accuracy=_mean([member.val_accuracy for member in finished]),
        test_accuracy=_mean([member.test_accuracy for member in finished]),
        size_bytes=_size_bytes(path),
        num_seeds=record.num_seeds,
        options=members[0].options if members else {},
        given=tuple(_options(record.request)),
    )
    return listed, found[0][1] if found else ""


def _options(request: TrainRequest) -> dict[str, Any]:
    """Return the options of a request that decide the weights; see `ListedRun.options`."""
    values = request.to_json()
    recipe = values.get("recipe")
    if isinstance(recipe, dict):
        values |= {**recipe, "recipe": recipe["name"]}
    for name in ("source_options", "model_arguments", "recipe_arguments"):
        values |= values.pop(name, {})
    return {name: value for name, value in values.items() if name not in _LEFT_OUT}


def _damaged(path: Path, why: str) -> ListedRun:
    return ListedRun(
        path=path,
        state="damaged",
        why=why,
        started_at="",
        source="",
        model="",
        epochs_done=0,
        epochs=0,
        val_accuracy=None,
        test_accuracy=None,
        size_bytes=_size_bytes(path),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _size_bytes(path: Path) -> int:
    total = 0
    for entry in entries_below(path):
        with suppress(OSError):  # a running training replaces its files
            if entry.is_file(follow_symlinks=False):
                total += entry.stat(follow_symlinks=False).st_size
    return total
