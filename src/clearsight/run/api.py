"""`train` and `resume`, as Python users call them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack, overload

from clearsight.data.sources.options import SourceOptions
from clearsight.display.notebook import notebook_shell, when_cell_shows
from clearsight.display.training_output import TrainingOutput
from clearsight.io.argument_checks import check_switch
from clearsight.io.console import TextConsole
from clearsight.options import documents, may_change_on_resume, option_fields
from clearsight.run.keywords import ResumeKeywords, TrainKeywords
from clearsight.run.request import TrainRequest, train_request
from clearsight.run.resume.plan_resume import plan_resume
from clearsight.run.resume.request import resume_request
from clearsight.run.seeds.runs import SeedRuns
from clearsight.run.seeds.train import resume_seeds, train_seeds
from clearsight.run.store.location import is_seed_runs
from clearsight.run.store.run import Run
from clearsight.run.train import Display, plan_request, run_plan
from clearsight.training.notebook_training import NotebookTraining
from clearsight.training.progress import Progress


@overload
def train(
    source: Any, *, seeds: int, verbose: bool = True, **options: Unpack[TrainKeywords]
) -> SeedRuns: ...


@overload
def train(
    source: Any, *, seeds: None = None, verbose: bool = True, **options: Unpack[TrainKeywords]
) -> Run: ...


@documents(option_fields(TrainRequest, SourceOptions))
def train(
    source: Any, *, seeds: int | None = None, verbose: bool = True, **options: Unpack[TrainKeywords]
) -> Run | SeedRuns:
    """Train a network on a source of images, and evaluate what it learned.

    Args:
        source: a source's name such as "fashion-mnist", the path of a folder or file of images,
            or an object: arrays (x, y) or ((x, y), (x_test, y_test)), an `ImageSet`, `Splits`, a
            torch Dataset, an iterable of (image, label).
        seeds: train this many times, at least 2, with the given seed and the ones that follow it.
        verbose: print a line per epoch (and a live bar on a terminal); a notebook shows all of it
            in one output, which ends with what came of it. True or False, or 1 or 0 as in Keras.
        **options: listed below.

    Returns:
        The finished run, whose folder holds everything; with `seeds` a `SeedRuns`, the sequence of
        those runs.

    Raises:
        ClearsightError: a subclass, when an option is wrong; nothing has been written then.
        TrainingInterrupted: after Ctrl-C, SIGTERM, SIGHUP or SIGUSR1; what was trained is saved.
        OutputError: when the run's files cannot be written; `resume` continues once they can.
        TrainingError: when the training could not continue; it says why and how to resume.

    Example:
        >>> import tempfile, pathlib
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> run = train("digits", epochs=2, out=out, verbose=False)
        >>> run.results.test_count
        359

    Options:
    """
    verbose = check_switch(verbose, "verbose")
    request = train_request(source, **options)
    with shown(verbose) as display:
        if seeds is not None:
            with train_seeds(request, seeds, display) as runs:
                display.result(runs)
                return runs
        run = run_plan(plan_request(request, display), display)
        display.result(run)
        return run


@documents(may_change_on_resume(TrainRequest, SourceOptions))
def resume(
    path: Run | SeedRuns | str | Path,
    *,
    data: Any = None,
    accept_changes: bool = False,
    model: str | Callable[..., Any] | None = None,
    verbose: bool = True,
    **options: Unpack[ResumeKeywords],
) -> Run | SeedRuns:
    """Resume a run exactly where it stopped, or train a finished one for more epochs.

    Args:
        path: the run, its folder or name, or "latest" (see `Run.load`); or a training with several
            seeds, whose unfinished and missing runs are trained then.
        data: where the images are now, if no longer at the run's source; for a run on arrays from
            Python, the same images again. Their content decides whether they are the same.
        accept_changes: resume although something that matters has changed.
        model: the FILE.py:FUNCTION or Python function that the run was begun with; needed only if
            runs of several seeds are missing, because a folder alone never makes code run.
        verbose: as for `train`.
        **options: those of `train` that may change, listed below.

    Raises:
        RunError: when there is nothing to resume, or something that matters has changed.
        TrainingInterrupted: as for `train`.

    Example:
        >>> import tempfile, pathlib
        >>> out = pathlib.Path(tempfile.mkdtemp()) / "run"
        >>> bare = {"report": False, "bundle": False, "verbose": False}
        >>> run = train("digits", epochs=1, train_limit=200, out=out, **bare)
        >>> len(resume(run, epochs=2, **bare).history)
        2

    Options:
    """
    verbose = check_switch(verbose, "verbose")
    accept_changes = check_switch(accept_changes, "accept_changes")
    path = path.path if isinstance(path, Run | SeedRuns) else path
    request = resume_request(path, data=data, accept_changes=accept_changes, model=model, **options)
    with shown(verbose) as display:
        if is_seed_runs(request.path):
            with resume_seeds(request, display) as runs:
                display.result(runs)
                return runs
        run = run_plan(plan_resume(request, display.decoding), display)
        display.result(run)
        return run


class _UnreadConsole(TextConsole):
    """A console that becomes silent, and does not end the program, when its reader is gone."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


@contextmanager
def shown(verbose: bool) -> Iterator[Display]:
    """Show a training; if not, hide even logged warnings, which Python prints by default."""
    if verbose:
        yield (
            _notebook_display()
            if notebook_shell() is not None
            else Display.of(Progress(_UnreadConsole()))
        )
        return
    logger, handler = logging.getLogger("clearsight"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield Display.of(Progress(TextConsole(quiet=True)))
    finally:
        logger.removeHandler(handler)


def _notebook_display() -> Display:
    """Return a display that shows everything in one output, updated in place."""
    output = TrainingOutput()

    def show_result(result: Run | SeedRuns) -> None:
        output.finish(result._repr_html_())
        # If the cell ends with the result, the notebook shows that too: once is enough.
        when_cell_shows(result, output.finish)

    return Display.of(NotebookTraining(output), result=show_result)
