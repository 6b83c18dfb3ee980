"""Training the same network with several seeds, one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clearsight.data.decoding.decode import ShowProgress, silent
from clearsight.data.sources.load import resolve_source
from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError, TrainingInterrupted
from clearsight.models.backend import keras
from clearsight.run.plan.plan import Plan, plan_training
from clearsight.run.request import TrainRequest
from clearsight.run.resume.plan import plan_resumption, resume_request
from clearsight.run.seeds.record import SeedsRecord, is_run
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.lock import RunLock
from clearsight.run.train import execute
from clearsight.training.progress import Progress

_BESIDE_RESUME = ("data", "checkpoint_minutes", "data_dir", "accept_changes")


@dataclass(frozen=True)
class Shown:
    """Where the trainings are shown.

    Attributes:
        progress: shows each training.
        decoding: shows how far the decoding of images is.
        plan: shows the first training's plan.
    """

    progress: Progress
    decoding: ShowProgress = silent
    plan: Callable[[Plan], object] = lambda _: None


def train_seeds(request: TrainRequest, num_seeds: int, shown: Shown) -> SeedRuns:
    """Train with the request's seed and the ones that follow it.

    Args:
        request: what each training is asked for; its `out` is the folder of them all.
        num_seeds: how many trainings, at least 2.
        shown: where they are shown.

    Raises:
        ClearsightError: as `train`; nothing has been written when something asked for is wrong.
        TrainingInterrupted: after a signal; finished members stay, and `resume_seeds` goes on.
    """
    if num_seeds < 2:
        raise RequestError(f"--seeds should be at least 2, but is {num_seeds}: leave it out.")
    if isinstance(request.model, keras.Model):
        raise RequestError(
            "With several seeds the network should be built anew for each, but a built model was "
            "given: name it, e.g. FILE.py:FUNCTION or FILE.keras."
        )
    if request.seed + num_seeds > 2**32:
        raise RequestError("The last seed should be below 2**32: begin with a smaller --seed.")
    first = plan_training(request, shown.decoding)
    folder = RunFolder.create(first.path, is_named=first.path_is_named)
    method = first.split.method
    record = SeedsRecord(
        source=first.record.source,
        model=first.record.model,
        first_seed=request.seed,
        num_seeds=num_seeds,
        same_validation=method in ("tail", "own"),
        started_at=first.record.started_at,
        request=_written(request),
    )
    runs = SeedRuns(folder.path, record)
    runs.write()
    shown.plan(first)
    first = replace(first, path=runs.member_path(0), path_is_named=True)
    return _Members(runs, request, shown, {}).execute(first)


def resume_seeds(path: str | Path, shown: Shown, **options: Any) -> SeedRuns:
    """Go on with the unfinished members, and train those that are missing.

    Args:
        path: the folder of `train_seeds`.
        shown: where they are shown.
        **options: data (for trainings on arrays), checkpoint_minutes, data_dir, accept_changes,
            report, bundle.

    Raises:
        RequestError: when another option is given.
        RunError: when every member is finished, or the images were arrays and are not given.
    """
    runs = SeedRuns.load(path)
    written = {name: options.pop(name, True) for name in ("report", "bundle")}
    asked = {
        key: value for key, value in options.items() if value is not None and value is not False
    }
    refused = [name for name in asked if name not in _BESIDE_RESUME]
    if refused:
        raise RequestError(
            f"Trainings with several seeds go on as they began, but {', '.join(refused)} was "
            "given: leave it out, or resume one member."
        )
    if runs.is_finished:
        raise RunError(
            f"{path} has finished all its {runs.record.num_seeds} seeds: there is nothing to go on "
            "with."
        )
    request = _read(runs, asked)
    left_out = {name: False for name, is_written in written.items() if not is_written}
    request = request.model_copy(update=left_out)
    return _Members(runs, request, shown, asked).execute(None)


@dataclass(frozen=True)
class _Members:
    """Those who are trained one after the other."""

    runs: SeedRuns
    request: TrainRequest
    shown: Shown
    on_resuming: dict[str, Any]

    def execute(self, first: Plan | None) -> SeedRuns:
        """Train what is not finished; `first` is the plan of the first member if there is one."""
        record, loaded = self.runs.record, first.splits if first is not None else None
        with RunLock(self.runs.path):
            for index in range(record.num_seeds):
                seed = record.first_seed + index
                try:
                    plan = first if first is not None and index == 0 else self._plan(index, loaded)
                    if plan is None:
                        continue
                    loaded = plan.splits if plan.resumed is None else loaded
                    self.shown.progress.announce(
                        f"\nSeed {seed}, {index + 1} of {record.num_seeds}:"
                    )
                    execute(plan, self.shown.progress)
                except KeyboardInterrupt as stop:
                    self._now().write()
                    raise TrainingInterrupted(
                        f"Interrupted with seed {seed}, {index + 1} of {record.num_seeds}. What "
                        f"was trained is kept in {self.runs.path}. Go on from there: "
                        f"{self.runs.resume_command}",
                        str(self.runs.path),
                        stop.signal_number if isinstance(stop, TrainingInterrupted) else 2,
                    ) from None
                self._now().write()
        return self._now()

    def _now(self) -> SeedRuns:
        """Look at the members again."""
        return SeedRuns(self.runs.path, self.runs.record)

    def _plan(self, index: int, loaded: Splits | None) -> Plan | None:
        """Plan a member's training, or the rest of it; None where it is finished."""
        path = self.runs.member_path(index)
        if is_run(path):
            if RunFolder(path).read_record().status == "finished":
                return None
            written = {"report": self.request.report, "bundle": self.request.bundle}
            options = {**self.on_resuming, **written}
            return plan_resumption(resume_request(path, **options), self.shown.decoding)
        if path.exists():
            shutil.rmtree(path)  # begun, but nothing was trained before it ended
        update = {"seed": self.runs.record.first_seed + index, "out": path}
        return plan_training(
            self.request.model_copy(update=update), self.shown.decoding, loaded=loaded
        )


def _written(request: TrainRequest) -> dict[str, Any]:
    """Return the request so that it can be read again from wherever that is done."""
    source = resolve_source(request.source) if isinstance(request.source, str) else "arrays"
    update = {
        "source": source,
        "model": _whole(request.model) if isinstance(request.model, str) else None,
        "source_options": request.source_options.resolved(),
        "out": None,
    }
    return request.model_copy(update=update).model_dump(mode="json")


def _whole(model: str) -> str:
    """Return a model's name as it is, and a file's path made absolute."""
    path, separator, function = model.rpartition(":")
    if separator and path.endswith(".py"):
        return f"{Path(path).resolve()}:{function}"
    return str(Path(model).resolve()) if model.endswith(".keras") else model


def _read(runs: SeedRuns, asked: dict[str, Any]) -> TrainRequest:
    try:
        request = TrainRequest(**runs.record.request)
    except ValidationError as error:
        raise RunError(
            f"{runs.path / 'seeds.json'} should hold the training's request, but is damaged or of "
            "another version."
        ) from error
    update: dict[str, Any] = {}
    if request.source == "arrays":
        if "data" not in asked:
            raise RunError(
                f"{runs.path} was trained on arrays from Python, which are not kept: go on in "
                "Python, clearsight.resume(path, data=...), with the same images."
            )
        update["source"] = resume_request(runs.path, data=asked["data"]).data
    if "data_dir" in asked:
        options = request.source_options.model_copy(update={"data_dir": asked["data_dir"]})
        update["source_options"] = options.resolved()
    if "checkpoint_minutes" in asked:
        update["checkpoint_minutes"] = asked["checkpoint_minutes"]
    return request.model_copy(update=update)
