"""Which runs may be deleted, and deleting a run completely."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from clearsight.errors import OutputError, RunError
from clearsight.io.folder_entries import entries_below
from clearsight.io.path_state import what_is_at
from clearsight.io.whole_folder import delete_folder
from clearsight.run.store.listing import ListedRun
from clearsight.run.store.location import MEMBERS_FOLDER, is_run, is_seed_runs
from clearsight.run.store.lock import lock_run
from clearsight.run.store.record import local_time

_MAX_LEVELS = 100  # of nested folders; `shutil.rmtree` is recursive


def runs_to_prune(
    runs: Iterable[ListedRun], states: Sequence[str], older_than_days: float = 0.0
) -> list[ListedRun]:
    """Return the runs in one of the states that started at least so many days ago.

    Runs that may not be deleted are left out: running and damaged ones, the best ones, and links.
    """
    before = datetime.now().astimezone() - timedelta(days=older_than_days)
    return [
        run
        for run in runs
        if run.state in states
        and run.state not in ("running", "damaged")
        and not run.is_best
        and not run.path.is_symlink()
        and local_time(run.started_at) <= before
    ]


def delete_run(path: Path) -> None:
    """Delete a run's folder, or that of runs with several seeds; no links are followed.

    All locks are held until it is deleted: of the folder, its members, and runs that it belongs to.

    Raises:
        OutputError: when it cannot be deleted.
        RunError: when a process uses one of these folders, or when `path` is a link or contains
            other runs; nothing is deleted then.
    """
    if path.is_symlink():
        raise RunError(
            f"{path} should be a run's folder, but is a link to {path.readlink()}, where nothing "
            "is deleted: delete the link yourself."
        )
    if not path.is_dir():
        raise RunError(f"{path} should be a run's folder, but {what_is_at(path)}.")
    with ExitStack() as locks:
        for folder in _folders_to_lock(path):
            locks.enter_context(lock_run(folder))
        others = sorted(_other_runs(path))
        if others:
            raise RunError(
                f"{path} should hold one run, but {others[0]} is another one: move it away first."
            )
        try:
            delete_folder(path)
        except OSError as error:
            raise OutputError(
                f"{path} should be deleted, but cannot be: {error.strerror}."
            ) from error


def _folders_to_lock(path: Path) -> Iterator[Path]:
    """Yield the folders of a run, of its members, and of the runs that it is a member of."""
    group = path.absolute().parent.parent
    if path.absolute().parent.name == MEMBERS_FOLDER and is_seed_runs(group):
        yield group
    yield path
    yield from sorted(_members(path))


def _members(path: Path) -> set[Path]:
    """Return the runs of a training with several seeds that have started."""
    folder = path / MEMBERS_FOLDER
    if not is_seed_runs(path) or folder.is_symlink() or not folder.is_dir():
        return set()
    return {each for each in folder.iterdir() if is_run(each) and not each.is_symlink()}


def _other_runs(path: Path) -> Iterator[Path]:
    """Yield the runs somewhere in a run's folder that are not part of it.

    Raises:
        RunError: when its folders are nested too deeply to be deleted.
    """
    own = _members(path)
    for entry in entries_below(path):
        folder = Path(entry.path)
        if not entry.is_dir(follow_symlinks=False):
            continue
        if len(folder.parts) - len(path.parts) > _MAX_LEVELS:
            raise RunError(
                f"{path} should be a run's folder, but has folders nested more than "
                f"{_MAX_LEVELS} deep, which no run has: delete it yourself."
            )
        if folder not in own and (is_run(folder) or is_seed_runs(folder)):
            yield folder
