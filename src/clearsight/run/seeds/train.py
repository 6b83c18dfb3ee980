"""Training the same network with several seeds, one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from clearsight.data.splits.splits import Splits
from clearsight.errors import RequestError, RunError, TrainingInterrupted, describe_found, signal_of
from clearsight.models.object_names import is_keras_model, is_recorded_function
from clearsight.option_names import option
from clearsight.run.plan.network import check_can_rebuild
from clearsight.run.plan.plan import Plan
from clearsight.run.request import RECIPE_OPTIONS, TrainRequest
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import ResumeRequest
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.store.folder import RunFolder
from clearsight.run.store.location import is_run, member_path
from clearsight.run.store.own_files import check_own_files
from clearsight.run.store.record import MAX_SEEDS, SeedsRecord
from clearsight.run.store.source_images import check_download
from clearsight.run.train import Display, plan_request, run_plan


@contextmanager
def train_seeds(request: TrainRequest, num_seeds: int, display: Display) -> Iterator[SeedRuns]:
    """Train with the request's seed and the ones that follow it, at least 2 in all.

    The request's `out` is the folder of all the runs. Its lock is held until the block ends, so
    that no other process deletes them while the block reads them.

    Raises:
        ClearsightError: in the same cases as `train`; nothing has been written when an option is
            wrong.
        TrainingInterrupted: after a signal; finished runs stay, and `resume_seeds` continues.
    """
    if isinstance(num_seeds, bool) or not isinstance(num_seeds, int) or num_seeds < 2:
        raise RequestError(
            f"{option('seeds')} should be at least 2, but is {describe_found(num_seeds)}: leave it "
            "out."
        )
    if num_seeds > MAX_SEEDS:
        raise RequestError(
            f"{option('seeds')} should be at most {MAX_SEEDS:,}, but is {num_seeds:,}."
        )
    if is_keras_model(request.model):
        raise RequestError(
            "With several seeds the network should be built again for each, but a built model was "
            "given: give the function that builds it, model=FUNCTION or FILE.py:FUNCTION."
        )
    if request.seed + num_seeds > 2**32:
        raise RequestError(
            f"The last seed should be below 2**32: begin with a smaller {option('seed')}."
        )
    first = plan_request(request, display)
    check_can_rebuild(request, first.data.splits.train, first.model)
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
            request=TrainRequest(**request.portable()),
        ),
    )
    with folder.writing():
        runs.write()
        display.plans.show(first)
        first = replace(first, path=member_path(runs.path, 0), path_is_given=True)
        yield _run_all(runs, request, ResumeRequest(folder.path), display, first)


@contextmanager
def resume_seeds(request: ResumeRequest, display: Display) -> Iterator[SeedRuns]:
    """Resume the unfinished runs of a `train_seeds`, and train those that are missing.

    The lock is held until the block ends, as in `train_seeds`.

    Raises:
        RequestError: when another option is given.
        RunError: when every run is finished, or the images were arrays and are not given.
    """
    check_own_files(request.path)
    runs = SeedRuns.load(request.path)
    recipe_changes = [name for name in request.changes if name in RECIPE_OPTIONS]
    if recipe_changes:
        raise RequestError(
            "A training with several seeds is resumed with the options it started with, but "
            f"{', '.join(recipe_changes)} was given: leave it out, or resume one run."
        )
    if runs.is_finished:
        raise RunError(
            f"{request.path} has finished all its {runs.record.num_seeds} seeds: there is nothing "
            "to resume."
        )
    original = runs.record.request.with_options(**request.changes)
    request.check_model(original.code_to_run or original.model)
    source = request.source(str(original.source), original.source_options)
    if request.data is None:
        check_download(str(source), original.source_options, request.path)
    given = original.with_options(source=source).portable()
    update = {"source": given["source"], "request": TrainRequest(**given)}
    runs = SeedRuns(runs.path, runs.record.model_copy(update=update))
    _check_code(runs, request)
    original = original.with_options(source=source)
    if callable(request.model):
        original = original.with_options(model=request.model)
    with RunFolder(runs.path).writing():
        yield _run_all(runs, original, request, display)


def _check_code(runs: SeedRuns, request: ResumeRequest) -> None:
    """Check that code which builds a network is given by the user, not by `seeds.json` alone.

    Raises:
        RunError: when a run that has not started needs such code, and the user has not given it.
    """
    code, count = runs.record.request.code_to_run, runs.record.num_seeds
    is_needed = any(not is_run(member_path(runs.path, index)) for index in range(count))
    if not is_needed or request.model is not None:
        return
    if is_recorded_function(runs.record.model):
        raise RunError(
            f"{runs.path} needs the Python function {runs.record.model}, which is not saved: "
            "resume it in Python, clearsight.resume(path, model=FUNCTION), with the same function."
        )
    if code is not None:
        raise RunError(
            f"{runs.path} needs the code of {code}, and a run's folder alone never makes code run: "
            f"if you trust that file, name it: `{runs.how_to_resume}`."
        )


def _run_all(
    runs: SeedRuns,
    request: TrainRequest,
    resume: ResumeRequest,
    display: Display,
    first: Plan | None = None,
) -> SeedRuns:
    """Train the members that are not finished, loading their images once.

    Args:
        runs: the members.
        request: the options that all members have in common.
        resume: how members that have started are resumed.
        display: where progress is shown.
        first: the plan of the first member, if it is planned already.
    """
    record, loaded = runs.record, None
    member_display = replace(display, plans=display.plans.for_next_seed())
    for index in range(record.num_seeds):
        path, seed = member_path(runs.path, index), record.first_seed + index
        which = f"{index + 1} of {record.num_seeds}"
        member = request.model_copy(update={"seed": seed, "out": path})
        try:
            plan = first if index == 0 else None
            plan = plan or _plan(member, replace(resume, path=path), display, loaded)
            if plan is None:
                continue
            if plan.resume_point is None:
                loaded = plan.data.splits
            display.progress.announce("")
            display.progress.announce(f"Seed {seed}, {which}:")
            run_plan(plan, member_display)
        except KeyboardInterrupt as stop:
            next_steps = _how_to_complete(runs, path, stop)
            message = " ".join([f"Interrupted with seed {seed}, {which}.", *next_steps])
            raise TrainingInterrupted(message, str(runs.path), signal_of(stop)) from None
        finally:
            runs = SeedRuns(runs.path, record, allow_download=True)
            runs.write()
    return runs


def _how_to_complete(runs: SeedRuns, path: Path, stop: KeyboardInterrupt) -> Iterator[str]:
    """Yield how to complete the runs after the member at `path` was interrupted."""
    runs = SeedRuns(runs.path, runs.record)  # as they are now
    if any(run.path == path for run in runs):
        yield str(stop)  # the member is finished, and only its bundle or report may be missing
    if not runs.is_finished:
        yield f"What was trained is saved in {runs.path}. Resume with: {runs.how_to_resume}"


def _plan(
    request: TrainRequest, resume: ResumeRequest, display: Display, loaded: Splits | None
) -> Plan | None:
    """Plan a member's training, or how it is resumed if it has begun; None if it is finished."""
    path = resume.path
    if is_run(path):
        is_finished = RunFolder(path).read_record().status == "finished"
        return None if is_finished else plan_resume(resume, display.decoding)
    RunFolder(path).remove_if_not_started()
    return plan_request(request, display, loaded)
