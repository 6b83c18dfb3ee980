"""Training the same network with several seeds, one after the other."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

from pydantic import ValidationError

from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError, TrainingInterrupted
from clearsight.models.backend import keras
from clearsight.run.plan.plan import Plan
from clearsight.run.request import TrainRequest
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import ResumeRequest
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.location import is_run
from clearsight.run.store.lock import lock_run
from clearsight.run.store.seeds_record import SeedsRecord
from clearsight.run.train import Display, plan_request, run_plan


def train_seeds(request: TrainRequest, num_seeds: int, display: Display) -> SeedRuns:
    """Train with the request's seed and the ones that follow it, at least 2 in all.

    The request's `out` is the folder of all the runs.

    Raises:
        ClearsightError: as `train`; nothing has been written when an option is wrong.
        TrainingInterrupted: after a signal; finished runs stay, and `resume_seeds` continues.
    """
    if num_seeds < 2:
        raise RequestError(f"--seeds should be at least 2, but is {num_seeds}: leave it out.")
    if isinstance(request.model, keras.Model):
        raise RequestError(
            "With several seeds the network should be built again for each, but a built model was "
            "given: name it, e.g. FILE.py:FUNCTION or FILE.keras."
        )
    if request.seed + num_seeds > 2**32:
        raise RequestError("The last seed should be below 2**32: begin with a smaller --seed.")
    first = plan_request(request, display)
    folder = RunFolder.create(first.path, is_named=first.path_is_given)
    runs = SeedRuns(
        folder.path,
        SeedsRecord(
            source=first.record.request.source,
            model=first.record.request.model,
            first_seed=request.seed,
            num_seeds=num_seeds,
            same_validation=first.data.split.method in ("tail", "own"),
            started_at=first.record.started_at,
            request=request.portable(),
        ),
    )
    runs.write()
    display.plan(first)
    first = replace(first, path=runs.member_path(0), path_is_given=True)
    resume = ResumeRequest(path=folder.path)
    return _run_all(runs, _plans(runs, request, resume, display, first), display)


def resume_seeds(request: ResumeRequest, display: Display) -> SeedRuns:
    """Resume the unfinished runs of a `train_seeds`, and train those that are missing.

    Raises:
        RequestError: when another option is given.
        RunError: when every run is finished, or the images were arrays and are not given.
    """
    runs = SeedRuns.load(request.path)
    if request.recipe_changes:
        raise RequestError(
            "Trainings with several seeds are resumed as they began, but "
            f"{', '.join(request.recipe_changes)} was given: leave it out, or resume one run."
        )
    if runs.is_finished:
        raise RunError(
            f"{request.path} has finished all its {runs.record.num_seeds} seeds: there is nothing "
            "to resume."
        )
    original = _original_request(runs, request)
    return _run_all(runs, _plans(runs, original, request, display), display)


def _plans(
    runs: SeedRuns,
    request: TrainRequest,
    resume: ResumeRequest,
    display: Display,
    first: Plan | None = None,
) -> Iterator[Plan | None]:
    """Yield each run's plan when its turn comes, None for finished runs; images load once."""
    loaded: Splits | None = None
    for index in range(runs.record.num_seeds):
        path = runs.member_path(index)
        if first is not None and index == 0:
            plan = first
        elif not is_run(path):
            if path.exists():
                shutil.rmtree(path)  # begun, but nothing was trained before it ended
            changes = {"seed": runs.record.first_seed + index, "out": path}
            plan = plan_request(request.model_copy(update=changes), display, loaded)
        elif RunFolder(path).read_record().status == "finished":
            yield None
            continue
        else:
            plan = plan_resume(resume.model_copy(update={"path": path}), display.decoding)
        if plan.resume_point is None:
            loaded = plan.data.splits
        yield plan


def _run_all(runs: SeedRuns, plans: Iterator[Plan | None], display: Display) -> SeedRuns:
    record = runs.record
    quiet = replace(display, plan=lambda _: None)  # all plans are alike, but for the seed

    def now() -> SeedRuns:
        return SeedRuns(runs.path, record)

    with lock_run(runs.path):
        for number in range(1, record.num_seeds + 1):
            seed = record.first_seed + number - 1
            try:
                plan = next(plans)
                if plan is not None:
                    display.progress.announce(f"\nSeed {seed}, {number} of {record.num_seeds}:")
                    run_plan(plan, quiet)
            except KeyboardInterrupt as stop:
                raise TrainingInterrupted(
                    f"Interrupted with seed {seed}, {number} of {record.num_seeds}. What was "
                    f"trained is saved in {runs.path}. Resume with: {runs.resume_command}",
                    str(runs.path),
                    stop.signal_number if isinstance(stop, TrainingInterrupted) else 2,
                ) from None
            finally:
                now().write()
    return now()


def _original_request(runs: SeedRuns, resume: ResumeRequest) -> TrainRequest:
    try:
        request = TrainRequest(**runs.record.request)
    except ValidationError as error:
        raise RunError(
            f"{runs.path / 'seeds.json'} should hold the training's request, but is damaged or of "
            "another version."
        ) from error
    update = {"source": resume.images} if request.source == "arrays" else {}
    return request.with_options(**resume.other_changes).model_copy(update=update)
