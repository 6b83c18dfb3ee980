"""`RunFolder`: the files of one run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from clearsight.bundle.files import BUNDLE_FOLDER, is_bundle
from clearsight.errors import RunError
from clearsight.evaluation.scores.scores import Scores
from clearsight.io.path_state import what_is_at
from clearsight.io.temporary import remove_leftovers
from clearsight.io.whole_folder import delete_folder
from clearsight.io.write_error import explained_write_errors
from clearsight.option_names import for_reader, option
from clearsight.run.store.files import read_json, read_json_if_present, write_json
from clearsight.run.store.location import (
    RECORD_NAME,
    how_to_resume,
    is_not_started,
    is_run,
    is_seed_runs,
    member_path,
    path_taken,
    resume_command,
)
from clearsight.run.store.lock import lock_run
from clearsight.run.store.own_files import check_own_files
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results
from clearsight.training.history import History, read_history


class _Entry:
    """A file or folder in a run's folder; as an attribute of a `RunFolder` it is its path."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: RunFolder, owner: Any = None) -> Path:
        return folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    Attributes:
        path: the folder.
    """

    path: Path

    record_path = _Entry(RECORD_NAME)
    history_path = _Entry("history.csv")
    results_path = _Entry("results.json")
    scores_path = _Entry("scores.json")
    predictions_path = _Entry("predictions.csv")
    split_path = _Entry("split.csv")
    model_path = _Entry("model.keras")
    checkpoints_path = _Entry("checkpoints")
    curves_path = _Entry("curves.png")
    report_path = _Entry("report.html")
    bundle_path = _Entry(BUNDLE_FOLDER)

    @property
    def resume_command(self) -> str:
        """The command that resumes the run."""
        return resume_command(self.path)

    def how_to_resume(self, **options: Any) -> str:
        """Return the command or the Python call that resumes the run; see `for_reader`."""
        return how_to_resume(self.path, **options)

    def command(self, verb: str) -> str:
        """Return a command about the run, such as that to `export` it."""
        return shlex.join(["clearsight", verb, str(self.path)])

    @classmethod
    def create(cls, path: Path, *, is_named: bool) -> Self:
        """Make a new folder; unless the user named it, a number is added if the path is taken.

        Raises:
            RunError: when it exists or cannot be made.
        """
        wanted, number = path, 2
        while True:
            try:
                path.mkdir(parents=True)
                return cls(path)
            except OSError as error:
                if not os.path.lexists(path):
                    why = error.strerror
                    if isinstance(error, FileExistsError | NotADirectoryError):
                        why = "a file is in the way"
                    raise RunError(
                        f"The run's folder should be made at {path}, but cannot be: {why}. Choose "
                        f"another with {option('out')}."
                    ) from error
                if is_named and not is_not_started(path):
                    raise path_taken(path) from error
                if is_named:
                    cls(path).remove_if_not_started()
                    continue
                path, number = wanted.with_name(f"{wanted.name}_{number}"), number + 1

    @classmethod
    def existing(cls, path: Path) -> Self:
        """Open the folder of an existing run.

        Raises:
            RunError: when there is none.
        """
        if not is_run(path):
            fix = f": give its folder {path.parent}" if is_run(path.parent) else ""
            if is_seed_runs(path):
                fix = f": it holds several seeds, of which {member_path(path, 0)} is the first"
                fix += for_reader("", f"; SeedRuns.load({str(path)!r}) loads them all")
            elif is_bundle(path):
                fix = for_reader("", f": it is a bundle, which load({str(path)!r}) opens")
            elif not os.path.lexists(path):
                fix = ": `clearsight runs` lists those in runs/"
            raise RunError(
                "A run should be a folder that `clearsight train` made, but "
                f"{path} {what_is_at(path, RECORD_NAME)}{fix}."
            )
        return cls(path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run's lock while the block writes, and first remove what killed ones left.

        Raises:
            RunError: when another process writes into the folder, or it leads elsewhere.
        """
        check_own_files(self.path)
        with lock_run(self.path):
            remove_leftovers(self.path)
            yield

    def remove_if_not_started(self) -> None:
        """Remove the folder, if there is one, of a run whose process died before it had a record.

        Raises:
            OutputError: when it cannot be removed.
            RunError: when it holds anything else, or a process writes into it.
        """
        with suppress(OSError):
            self.path.rmdir()  # an empty one; others stay
        if not os.path.lexists(self.path):
            return
        if self.path.is_symlink() or not is_not_started(self.path):
            raise path_taken(self.path)
        with explained_write_errors(self.path), self.writing():
            if not is_not_started(self.path):  # another process has trained there in the meantime
                raise path_taken(self.path)
            delete_folder(self.path)

    def write_record(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        write_json(record.model_dump(mode="json"), self.record_path)

    def read_record(self) -> RunRecord:
        """Read ``run.json``.

        Raises:
            RunError: when it is missing or damaged.
        """
        return read_json(self.record_path, RunRecord, "a run's record")

    def write_results(self, results: Results) -> None:
        """Write ``results.json``."""
        write_json(asdict(results), self.results_path)

    def read_results(self) -> Results | None:
        """Read ``results.json``; None if the run has not finished."""
        return read_json_if_present(self.results_path, Results, "a run's results")

    def read_history(self) -> History:
        """Read ``history.csv``; empty before the first epoch has ended."""
        try:
            return read_history(self.history_path)
        except RunError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return History()
            raise

    def write_scores(self, scores: Scores) -> None:
        """Write ``scores.json``."""
        write_json(asdict(scores), self.scores_path)

    def read_scores(self) -> Scores | None:
        """Read ``scores.json``; None if the run was not evaluated on test images."""
        return read_json_if_present(self.scores_path, Scores, "a run's scores")

    def set_results_aside(self) -> None:
        """Rename the results of a finished run that gets more epochs, and delete its bundles.

        Without ``results.json`` they are parts that an interrupted evaluation left: deleted too.
        """
        is_complete = self.results_path.is_file()
        with explained_write_errors(self.path):
            for path in (self.predictions_path, self.scores_path, self.report_path,
                         self.results_path):  # fmt: skip
                if path.is_file() and is_complete:
                    path.replace(path.with_stem(f"{path.stem}_before"))
                elif path != self.report_path:
                    path.unlink(missing_ok=True)
            self.curves_path.unlink(missing_ok=True)
            # Bundles get copied elsewhere; one of older weights must not pass for the new one.
            for path in self.path.glob(f"{BUNDLE_FOLDER}*"):
                if is_bundle(path):
                    delete_folder(path)


@contextmanager
def writing_to(*paths: Path | None) -> Iterator[None]:
    """Hold the locks of the runs that these paths lie in, if any, while the block writes there.

    Raises:
        RunError: when another process writes into such a run.
    """
    around = (_run_around(path.absolute()) for path in paths if path is not None)
    with ExitStack() as held:
        for run in sorted({run for run in around if run is not None}):
            held.enter_context(RunFolder(run).writing())
        yield


def _run_around(path: Path) -> Path | None:
    return next((each for each in path.parents if is_run(each) or is_seed_runs(each)), None)
