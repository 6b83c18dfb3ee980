"""`find_run`: which run is meant by a path, a name, the beginning of a name, or "latest"."""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from clearsight.errors import RunError
from clearsight.io.argument_checks import check_path
from clearsight.io.regular_file import read_regular
from clearsight.run.store.location import (
    RECORD_NAME,
    RUNS,
    SEEDS_RECORD_NAME,
    is_run,
    is_seed_runs,
)

LATEST = "latest"
_MAX_LISTED = 8  # runs in an error
_MAX_RECORD_BYTES = 32_000_000
_log = logging.getLogger(__name__)


def find_run(reference: str | Path) -> Path:
    """Return the path of the run that a reference means.

    An existing path always means itself. Otherwise the run is searched for in the folder of the
    path, by default ``runs/``: by its name, by "latest" for the one that was started last, or by
    the beginning of its name if no other run's name has the same beginning. A reference to no run
    is returned as a path.

    Raises:
        RunError: when several runs' names have this beginning, or there is no latest run.
        RequestError: when it is neither text nor a path.

    Example:
        >>> find_run("runs/no-such-run").name
        'no-such-run'
    """
    path = check_path(reference, "A run", "given by its folder, its name or 'latest'")
    if os.path.lexists(path) or not path.name:
        return path
    folder = path.parent if len(path.parts) > 1 else RUNS
    names = run_names(folder)
    if path.name in names:
        return folder / path.name
    if path.name == LATEST:
        return _latest([folder / name for name in names], folder)
    found = [name for name in names if name.startswith(path.name)]
    if len(found) > 1:
        more = f" and {len(found) - _MAX_LISTED:,} more" if len(found) > _MAX_LISTED else ""
        raise RunError(
            f"'{path.name}' should be the beginning of one run's name in {folder}, but "
            f"{len(found)} begin so: {', '.join(found[:_MAX_LISTED])}{more}. Add more of the name."
        )
    return folder / found[0] if found else path


def run_names(folder: Path = RUNS) -> list[str]:
    """Return the names of the runs in a folder, sorted; none if it cannot be read."""
    try:
        paths = list(folder.iterdir())
    except OSError:
        return []
    is_any = (path for path in paths if not path.name.startswith("."))
    return sorted(path.name for path in is_any if is_run(path) or is_seed_runs(path))


def _latest(paths: list[Path], folder: Path) -> Path:
    started = {path: at for path in paths if (at := _started_at(path)) is not None}
    if not started:
        raise RunError(
            f"'{LATEST}' should be the run that was started last, but there is none in {folder}: "
            "give the path of a run's folder, or train one first."
        )
    return max(started, key=lambda path: (started[path], path.name))


def _started_at(path: Path) -> datetime | None:
    """Return when a run was started; None if its record is damaged, which a warning says."""
    record = path / (SEEDS_RECORD_NAME if is_seed_runs(path) else RECORD_NAME)
    try:
        at = datetime.fromisoformat(
            json.loads(read_regular(record, _MAX_RECORD_BYTES))["started_at"]
        )
        return at.astimezone(UTC)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        _log.warning("%s is damaged, so that it cannot be the latest run.", record)
        return None
