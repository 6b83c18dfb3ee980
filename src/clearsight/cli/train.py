"""``clearsight train``: train a network, evaluate it, and show the results."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clearsight.cli.arguments import RUN, SOURCE
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import console_for, json_option, print_json
from clearsight.cli.process_clock import started_at
from clearsight.cli.request_options import (
    SOURCE_OPTIONS,
    TRAIN_REQUEST,
    RequestCommand,
    given_options,
)
from clearsight.cli.results import results_as_json, show_results, show_seeds
from clearsight.errors import RequestError

if TYPE_CHECKING:
    from clearsight.io.console import TextConsole
    from clearsight.run.advise.try_next import NextComparison
    from clearsight.run.request import TrainRequest
    from clearsight.run.store.run import Run
    from clearsight.run.train import Display


@click.command(
    cls=RequestCommand,
    requests=(TRAIN_REQUEST, SOURCE_OPTIONS),
    epilog=examples(
        "train fashion-mnist",
        "train digits --epochs 5 --seed 3",
        "train --resume latest --epochs 10",
    ),
)
@click.argument("source", type=SOURCE, required=False)
@click.option(
    "--seeds",
    metavar="N",
    type=int,
    help="Train N times, with --seed and the seeds that follow it.",
)
@click.option("--try-next", is_flag=True, help="Run the suggested next experiment and compare.")
@click.option("--trace", is_flag=True, help="Show the network layer by layer before training.")
@click.option(
    "--resume",
    metavar="RUN",
    type=RUN,
    help="Resume this run exactly where it stopped; SOURCE is where its images are now.",
)
@click.option(
    "--accept-changes",
    is_flag=True,
    help="With --resume: even if something that matters has changed.",
)
@json_option
@click.pass_context
def train(
    context: click.Context,
    source: str | None,
    seeds: int | None,
    try_next: bool,
    trace: bool,
    resume: Path | None,
    accept_changes: bool,
    as_json: bool,
) -> None:
    """Train an image classifier and evaluate it.

    SOURCE is a name or a path of images; see `clearsight data list`. `clearsight train
    fashion-mnist` runs the lesson; `clearsight train FOLDER` trains on your own images, one folder
    per class.
    """
    _check_usage(source, seeds, resume, accept_changes, try_next)
    console = console_for(as_json)
    from clearsight.io.phases import Phases

    with Phases(console).show("starting"):
        from clearsight.report.chart_file import start_drawing

        start_drawing()
    with loading_keras(console):
        from clearsight.run.request import train_request
        from clearsight.run.resume.plan_resume import plan_resume
        from clearsight.run.resume.request import resume_request
        from clearsight.run.seeds.train import resume_seeds, train_seeds
        from clearsight.run.store.location import is_seed_runs
        from clearsight.run.train import Display, plan_request, run_held
        from clearsight.training.progress import Progress

    started = started_at(context)
    display = Display.of(Progress(console), has_trace=trace)
    options, request = given_options(context), None
    if resume is not None:
        own = {"seeds": seeds, "try_next": try_next or None}
        resumed = resume_request(
            resume, data=source, accept_changes=accept_changes, **options, **own
        )
        if is_seed_runs(resume):
            with resume_seeds(resumed, display) as seed_runs:
                return show_seeds(seed_runs, console, as_json)
        with display.progress.phase("opening the run and its images"):
            plan = plan_resume(resumed, display.decoding)
    else:
        request = train_request(source, **options)
        if seeds is not None:
            with train_seeds(request, seeds, display) as seed_runs:
                return show_seeds(seed_runs, console, as_json)
        plan = plan_request(request, display)
    plan = replace(plan, requested_at=started)
    with ExitStack() as held:
        run = held.enter_context(run_held(plan, display))
        show_results(run, plan.seconds_so_far, console)
        tried = _try_next(request, run, display, console, held) if request and try_next else None
        if as_json:
            values = results_as_json(run, tried)
            notes = [*plan.data.decisions, *plan.decisions, *plan.notes]
            print_json({"notes": notes, **values, "wall_seconds": plan.seconds_so_far})
    return None


def _try_next(
    request: TrainRequest, run: Run, display: Display, console: TextConsole, held: ExitStack
) -> NextComparison | None:
    """Run the suggested next experiment and compare; its folder stays locked as long as `held`."""
    from clearsight.run.advise.next_step import next_step
    from clearsight.run.advise.try_next import compare_next, unevaluated_next_request
    from clearsight.run.train import plan_request, run_held

    step = next_step(run.record, run.results.findings)
    if step is None or not step.options:
        console.print()
        console.print("The curve suggests no other experiment.")
        return None
    console.print()
    console.print(f"Next experiment: {step.why}")
    console.print()
    plan = plan_request(unevaluated_next_request(request, run, step), display)
    next_run = held.enter_context(run_held(plan, display))
    comparison = compare_next(plan, run, next_run)
    show_results(next_run, plan.seconds_so_far, console)
    console.print()
    console.print(comparison.sentence)
    return comparison


def _check_usage(
    source: str | None, seeds: int | None, resume: Path | None, accept_changes: bool, try_next: bool
) -> None:
    if seeds is not None and try_next:
        raise RequestError(
            "--try-next follows one training, but --seeds asks for several: leave one of them out."
        )
    if resume is None:
        if accept_changes:
            raise RequestError("--accept-changes needs --resume RUN: leave it out.")
        if source is None:
            raise RequestError(
                "A source is needed, e.g. `clearsight train fashion-mnist`; "
                "`clearsight data list` shows the built-in ones."
            )
