"""What runs there are, how each of them stands, and which can be deleted."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from clearsight.errors import OutputError, RunError
from clearsight.run.seeds.record import SeedsRecord, is_seed_runs, member_path
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.lock import RunLock, is_held
from clearsight.run.store.record import RunRecord, Status
from clearsight.training.history import History, read_history

_BEING_DELETED = ".deleting-"


@dataclass(frozen=True)
class Listed:
    """One run in a list.

    Attributes:
        path: its folder.
        state: how it stands now; a run whose process died is interrupted.
        why: of an interrupted or failed run, in words; else "".
        started_at: local time, ISO 8601 with its offset.
        source: what it was trained on.
        model: which network.
        epochs_done: finished epochs.
        epochs: asked for.
        val_accuracy: highest so far; None before the first epoch's end.
        test_accuracy: None before it is measured.
        size_bytes: of all its files.
        is_best: whether no other run on the same images has a higher validation accuracy.
        num_seeds: of a training with several seeds, for which epochs are counted over all and
            accuracies are means over the finished ones; None of an ordinary run.
    """

    path: Path
    state: Status
    why: str
    started_at: str
    source: str
    model: str
    epochs_done: int
    epochs: int
    val_accuracy: float | None
    test_accuracy: float | None
    size_bytes: int
    is_best: bool
    num_seeds: int | None = None


def list_runs(folder: Path) -> list[Listed]:
    """List the runs in a folder, oldest first; what is no run, or damaged, is passed over.

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
        with suppress(RunError):
            found.append(_listed_seeds(path) if is_seed_runs(path) else _listed(path))
    best = _best_of_each(found)
    listed = [replace(run, is_best=run.path in best) for run, _ in found]
    return sorted(listed, key=lambda run: run.started_at)


def state_of(folder: RunFolder, record: RunRecord) -> tuple[Status, str]:
    """Tell how a run stands, and why where it did not finish."""
    if is_held(folder.path):
        return "running", ""
    if record.status == "running":
        return "interrupted", "its process died"
    if record.status == "interrupted":
        return "interrupted", f"in {record.interrupted_at}" if record.interrupted_at else "at once"
    return record.status, record.failed_because or ""


def to_prune(
    runs: Iterable[Listed], states: Sequence[str], older_than_days: float = 0.0
) -> list[Listed]:
    """Choose the runs that may be deleted: none that is running, and none that is the best.

    Args:
        runs: to choose from.
        states: of those to delete.
        older_than_days: since they began.
    """
    before = datetime.now().astimezone() - timedelta(days=older_than_days)
    return [
        run
        for run in runs
        if run.state in states
        and run.state != "running"
        and not run.is_best
        and datetime.fromisoformat(run.started_at) <= before
    ]


def delete_run(path: Path) -> None:
    """Delete a run's folder, unless a process trains in it at this moment.

    Raises:
        OutputError: when it cannot be deleted.
        RunError: when a process trains in it.
    """
    try:
        with RunLock(path):
            # Under another name first, so that a half deleted folder is no run any more.
            doomed = path.rename(path.with_name(f"{_BEING_DELETED}{path.name}"))
        shutil.rmtree(doomed)
    except OSError as error:
        raise OutputError(f"{path} should be deleted, but cannot be: {error.strerror}.") from error


def delete_remains(folder: Path) -> None:
    """Delete what a killed `delete_run` left."""
    for path in folder.glob(f"{_BEING_DELETED}*"):
        shutil.rmtree(path, ignore_errors=True)


def _history(folder: RunFolder) -> History:
    try:
        return read_history(folder.history_path)
    except RunError:
        return ()


def _best_accuracy(history: History) -> float | None:
    return max((epoch.val_accuracy for epoch in history), default=None)


def _best_of_each(found: Sequence[tuple[Listed, str]]) -> set[Path]:
    """Return the best run on each set of training images, and the best that is finished."""
    best: dict[tuple[str, bool], tuple[float, Path]] = {}
    for run, images in found:
        if run.val_accuracy is None:
            continue
        for group in {False, run.state == "finished"}:
            key = (images, group)
            if key not in best or run.val_accuracy > best[key][0]:
                best[key] = (run.val_accuracy, run.path)
    return {path for _, path in best.values()}


def _listed(path: Path) -> tuple[Listed, str]:
    """Look at one run; with it goes the SHA-256 of its training images."""
    folder = RunFolder.existing(path)
    record, history = folder.read_record(), _history(folder)
    state, why = state_of(folder, record)
    results = None
    with suppress(RunError):
        results = folder.read_results()
    listed = Listed(
        path=path,
        state=state,
        why=why,
        started_at=record.started_at,
        source=record.request.source,
        model=record.request.model,
        epochs_done=len(history),
        epochs=record.request.recipe.epochs,
        val_accuracy=_best_accuracy(history),
        test_accuracy=results.test_accuracy if results is not None else None,
        size_bytes=_size_bytes(path),
        is_best=False,
    )
    return listed, record.data["train"]["sha256"]


def _listed_seeds(path: Path) -> tuple[Listed, str]:
    """Look at a training with several seeds as one."""
    record = SeedsRecord.read(path)
    found = []
    for index in range(record.num_seeds):
        with suppress(RunError):
            found.append(_listed(member_path(path, index)))
    members = [member for member, _ in found]
    finished = [member for member in members if member.state == "finished"]
    state: Status = "finished" if len(finished) == record.num_seeds else "interrupted"
    if is_held(path) or any(member.state == "running" for member in members):
        state = "running"
    elif any(member.state == "failed" for member in members):
        state = "failed"
    listed = Listed(
        path=path,
        state=state,
        why="" if state in ("finished", "running") else _how_many(len(finished), record.num_seeds),
        started_at=record.started_at,
        source=record.source,
        model=record.model,
        epochs_done=sum(member.epochs_done for member in members),
        epochs=record.num_seeds * max((member.epochs for member in members), default=0),
        val_accuracy=_mean([member.val_accuracy for member in finished]),
        test_accuracy=_mean([member.test_accuracy for member in finished]),
        size_bytes=_size_bytes(path),
        is_best=False,
        num_seeds=record.num_seeds,
    )
    return listed, found[0][1] if found else ""


def _how_many(num_finished: int, num_seeds: int) -> str:
    return f"{num_finished} of {num_seeds} seeds are finished"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _size_bytes(path: Path) -> int:
    total = 0
    for file in path.rglob("*"):
        with suppress(OSError):  # a running training replaces its files
            total += file.stat().st_size if file.is_file() else 0
    return total
