"""Where runs are on the disk, known without reading their records."""

import os
import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from clearsight.errors import RunError
from clearsight.io.regular_file import read_regular
from clearsight.option_names import for_reader, option

RECORD_NAME, SEEDS_RECORD_NAME = "run.json", "seeds.json"
MEMBERS_FOLDER = "seeds"  # of runs with several seeds
LOCK_NAME = "lock"
MAX_LOCK_BYTES = 64  # of the number of a process
RUNS = Path("runs")  # where runs are made by default
# The checkpoint from before the first batch, and the folder in which one is being written.
_INITIAL = re.compile(
    r"\d+_epochs-0_batches-0_[0-9a-f]{64}\.safetensors|\.unfinished-[0-9a-f]{8}", re.ASCII
)


def is_run(path: Path) -> bool:
    """Return whether a folder holds a run."""
    return os.path.lexists(path / RECORD_NAME)


def is_seed_runs(path: Path) -> bool:
    """Return whether a folder holds runs with several seeds."""
    return os.path.lexists(path / SEEDS_RECORD_NAME)


def is_not_started(path: Path) -> bool:
    """Return whether a folder holds only what a process left that died before the training began.

    That is a lock, and the checkpoint from before the first batch. Such a folder is deleted, so
    anything else in it counts, whatever its name is.
    """
    checkpoints, lock = path / "checkpoints", path / LOCK_NAME
    try:
        names = {each.name for each in path.iterdir()}
        saved = list(checkpoints.iterdir()) if checkpoints.name in names else []
        has_own_lock = lock.name not in names or _is_own_lock(lock)
    except OSError:
        return False
    is_left = bool(names) and names <= {lock.name, checkpoints.name} and has_own_lock
    return is_left and all(_INITIAL.fullmatch(each.name) for each in saved)


def _is_own_lock(path: Path) -> bool:
    content = read_regular(path, MAX_LOCK_BYTES, follow_links=False)
    return not content or content.isdigit()


def member_path(path: Path, index: int) -> Path:
    """Return the folder of one of the seed runs in `path`, counted from 0."""
    return path / MEMBERS_FOLDER / str(index)


def resume_command(path: Path, *options: str) -> str:
    """Return the command that resumes a run, or runs with several seeds."""
    return shlex.join(["clearsight", "train", "--resume", str(path), *options])


def how_to_resume(path: Path, **options: Any) -> str:
    """Return the command or Python call that resumes a run with options; see `for_reader`.

    Example:
        >>> how_to_resume(Path("runs/a"), learning_rate=1e-4)
        "clearsight.resume('runs/a', learning_rate=0.0001)"
    """
    given = [option(*each) for each in options.items()]
    call = f"clearsight.resume({', '.join([repr(str(path)), *given])})"
    return for_reader(" ".join([resume_command(path), *given]), call)


def new_path(source: str, model: str, started: datetime) -> Path:
    """Return a path in ``runs/`` made of date and time, source and model."""
    is_file = ".keras" in model or ".py:" in model
    words = _file_word(source), _file_word(Path(model).stem if is_file else model)
    return RUNS / "_".join((f"{started:%Y-%m-%d_%H-%M-%S}", *words))


def check_free(path: Path) -> None:
    """Check that nothing exists at `path`.

    Raises:
        RunError: when something does.
    """
    if os.path.lexists(path) and not is_not_started(path):
        raise path_taken(path)


def path_taken(path: Path) -> RunError:
    """Return the error for a run's folder that exists already."""
    is_begun = is_run(path) or is_seed_runs(path)
    resume = f", or resume it: {how_to_resume(path)}" if is_begun else "."
    return RunError(
        f"The run's folder should be new, but {path} exists and is never overwritten: choose "
        f"another with {option('out')}, or move it away{resume}"
    )


def _file_word(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)[:60]
