"""A run's folder: which files it has, and how they are written and read whole."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from clearsight.bundle.files import BUNDLE_FOLDER, bundle_path
from clearsight.errors import RunError
from clearsight.evaluation.scores.scores import Measures
from clearsight.io.atomic import write_atomically
from clearsight.run.store.record import RunRecord
from clearsight.run.store.results import Results

RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """The files of one run.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def record_path(self) -> Path:
        """``run.json``."""
        return self.path / "run.json"

    @property
    def history_path(self) -> Path:
        """``history.csv``."""
        return self.path / "history.csv"

    @property
    def results_path(self) -> Path:
        """``results.json``."""
        return self.path / "results.json"

    @property
    def measures_path(self) -> Path:
        """``measures.json``."""
        return self.path / "measures.json"

    @property
    def predictions_path(self) -> Path:
        """``predictions.csv``."""
        return self.path / "predictions.csv"

    @property
    def model_path(self) -> Path:
        """``model.keras``."""
        return self.path / "model.keras"

    @property
    def checkpoints_path(self) -> Path:
        """``checkpoints/``."""
        return self.path / "checkpoints"

    @property
    def split_path(self) -> Path:
        """``split.csv``."""
        return self.path / "split.csv"

    @property
    def curves_path(self) -> Path:
        """``curves.png``."""
        return self.path / "curves.png"

    @property
    def report_path(self) -> Path:
        """``report.html``."""
        return self.path / "report.html"

    @property
    def bundle_path(self) -> Path:
        """``bundle/``."""
        return bundle_path(self.path)

    @property
    def resume_command(self) -> str:
        """What to type to go on with the run."""
        return f"clearsight train --resume {shlex.quote(str(self.path))}"

    @classmethod
    def create(cls, path: Path, *, is_named: bool) -> Self:
        """Make the folder.

        Args:
            path: where.
            is_named: whether the user chose that path; otherwise a number is added where another
                run took it in the meantime.

        Raises:
            RunError: when it exists or cannot be made.
        """
        wanted, number = path, 2
        try:
            while True:
                try:
                    path.mkdir(parents=True)
                    break
                except FileExistsError:
                    if is_named:
                        raise
                    path, number = wanted.with_name(f"{wanted.name}_{number}"), number + 1
        except (FileExistsError, NotADirectoryError) as error:
            if os.path.lexists(path):
                raise taken(path) from error
            raise RunError(
                f"The run's folder should be made at {path}, but cannot be: a file is in the way. "
                "Name another with --out."
            ) from error
        except OSError as error:
            raise RunError(
                f"The run's folder should be made at {path}, but cannot be: {error.strerror}. "
                "Name another with --out."
            ) from error
        return cls(path)

    @classmethod
    def existing(cls, path: Path) -> Self:
        """Open a folder that a run has made.

        Raises:
            RunError: when there is none.
        """
        folder = cls(path)
        if not os.path.isfile(folder.record_path):  # False also for names that no system takes
            what = "has no run.json" if os.path.isdir(path) else "does not exist"
            raise RunError(
                f"A run should be a folder that `clearsight train` made, but {path} {what}."
            )
        return folder

    def write_record(self, record: RunRecord) -> None:
        """Write ``run.json``."""
        _write_json(record.model_dump(mode="json"), self.record_path)

    def read_record(self) -> RunRecord:
        """Read ``run.json``.

        Raises:
            RunError: when it is not what `write_record` writes.
        """
        try:
            return RunRecord.model_validate_json(self.record_path.read_bytes())
        except (OSError, ValidationError) as error:
            raise RunError(
                f"{self.record_path} should describe a run, but is damaged or of another version."
            ) from error

    def write_results(self, results: Results) -> None:
        """Write ``results.json``."""
        _write_json(asdict(results), self.results_path)

    def write_measures(self, measures: Measures) -> None:
        """Write ``measures.json``."""
        _write_json(asdict(measures), self.measures_path)

    def read_measures(self) -> Measures | None:
        """Read ``measures.json``, or return None when no test images were measured.

        Raises:
            RunError: when it is not what `write_measures` writes.
        """
        if not self.measures_path.is_file():
            return None
        try:
            return TypeAdapter(Measures).validate_json(self.measures_path.read_bytes())
        except (OSError, ValidationError) as error:
            raise RunError(
                f"{self.measures_path} should hold a run's scores, but is damaged or of another "
                "version."
            ) from error

    def set_results_aside(self) -> None:
        """Keep the results of a finished run that gets more epochs until there are new ones.

        Its bundles go.
        """
        for path in (self.results_path, self.measures_path, self.predictions_path):
            if path.is_file():
                path.replace(path.with_stem(f"{path.stem}_before"))
        # A bundle is copied wherever it is needed; one of older weights must not be taken for this.
        for path in self.path.glob(f"{BUNDLE_FOLDER}*"):
            shutil.rmtree(path, ignore_errors=True)

    def read_results(self) -> Results | None:
        """Read ``results.json``, or return None when the run has not come that far.

        Raises:
            RunError: when it is not what `write_results` writes.
        """
        if not self.results_path.is_file():
            return None
        try:
            values = json.loads(self.results_path.read_bytes())
            lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
            return Results(**{**values, **lists})
        except (TypeError, ValueError) as error:
            raise RunError(
                f"{self.results_path} should hold a run's results, but is damaged or of another "
                "version."
            ) from error


def check_free(path: Path) -> None:
    """Make sure that a run's folder can be made at `path` later.

    Raises:
        RunError: when something is there already.
    """
    if os.path.lexists(path):
        raise taken(path)


def taken(path: Path) -> RunError:
    """Return the error for a folder that exists already."""
    return RunError(
        f"The run's folder should be new, but {path} exists and is never overwritten: name another "
        f"with --out, move it away, or go on with it: {RunFolder(path).resume_command}"
    )


def new_path(source: str, model: str, started: datetime) -> Path:
    """Return a path in ``runs/`` named by date-time, source and model."""
    is_file = ".keras" in model or ".py:" in model
    words = _file_word(source), _file_word(Path(model).stem if is_file else model)
    return RUNS / "_".join((f"{started:%Y-%m-%d_%H-%M-%S}", *words))


def _file_word(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)[:60]


def _write_json(values: dict[str, Any], path: Path) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text(
            json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
        )
