"""``clearsight train``: train a network, measure it, and show what came out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clearsight.cli.decoding import decoding_shown
from clearsight.cli.interruption import interruption_told
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.options import ModelArguments, RecipeArguments, parse_arguments
from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.cli.results import results_as_json, show_results
from clearsight.cli.seeds import show_seeds
from clearsight.cli.source_options import reads_sources
from clearsight.errors import RequestError
from clearsight.report.chart_file import start_drawing

if TYPE_CHECKING:
    from rich.console import Console

    from clearsight.data.sources.options import SourceOptions
    from clearsight.run.advise.try_next import Tried
    from clearsight.run.plan.plan import Plan
    from clearsight.run.request import TrainRequest
    from clearsight.run.seeds.train import Shown
    from clearsight.run.store.run import Run


_BESIDE_RESUME = (
    "epochs", "learning_rate", "batch_size", "checkpoint_minutes", "data_dir", "accept_changes",
    "no_report", "no_bundle",
)  # fmt: skip


class Precision(StrEnum):
    """Which precision to compute in."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Engine(StrEnum):
    """What runs the training steps."""

    clearsight = "clearsight"
    keras = "keras"


class Device(StrEnum):
    """Which device to compute on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@reads_sources()
def train(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(help="A name or a path of images; see `clearsight data list`."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.keras|FILE.py:FUNCTION", help="The network; by default the recipe's."
        ),
    ] = None,
    model_arg: ModelArguments = None,
    recipe: Annotated[
        str | None, typer.Option(metavar="NAME", help="How to train; by default the source's own.")
    ] = None,
    recipe_arg: RecipeArguments = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Per step.")] = None,
    validation_split: Annotated[
        float | None, typer.Option(help="Share of the training images held out to validate on.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the first weights and the order of images.")] = 0,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Train N times, with --seed and the seeds that follow, and sum up."
        ),
    ] = None,
    train_limit: Annotated[
        int | None, typer.Option(help="Use only the first N training images.")
    ] = None,
    test_limit: Annotated[
        int | None, typer.Option(help="Use only the first N test images.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What runs the steps: `keras` is slow, to compare with.")
    ] = Engine.clearsight,
    precision: Annotated[Precision, typer.Option(help="What to compute in.")] = Precision.auto,
    device: Annotated[Device, typer.Option(help="What to compute on.")] = Device.auto,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's new folder; default in runs/.")
    ] = None,
    checkpoint_minutes: Annotated[
        float | None,
        typer.Option(help="Between checkpoints within an epoch; its end has one anyway. [10]"),
    ] = None,
    no_test: Annotated[
        bool,
        typer.Option(
            "--no-test",
            help="Leave the test images sealed; `clearsight evaluate RUN` opens them later.",
        ),
    ] = False,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Leave out report.html, the run as one page.")
    ] = False,
    no_bundle: Annotated[
        bool,
        typer.Option(
            "--no-bundle",
            help="Leave out bundle/, the folder that predicts without Keras or torch.",
        ),
    ] = False,
    try_next: Annotated[
        bool,
        typer.Option(
            "--try-next", help="Then train as the curve calls for, and say whether it helped."
        ),
    ] = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Go on with this run from the very batch where it was left."
        ),
    ] = None,
    accept_changes: Annotated[
        bool,
        typer.Option(help="With --resume: go on although something that matters has changed."),
    ] = False,
    as_json: AsJson = False,
    *,
    source_options: SourceOptions,
) -> None:
    """Train a network on SOURCE and measure what it learned.

    `clearsight train fashion-mnist` is the lesson's own job; `clearsight train FOLDER` trains on
    images of your own, one folder for each class.
    """
    _check_usage(context, source, resume, accept_changes)
    console = console_for(as_json)
    start_drawing()
    with loading_keras(console):
        from clearsight.run.plan.plan import plan_training
        from clearsight.run.request import train_request
        from clearsight.run.resume.plan import plan_resumption, resume_request
        from clearsight.run.seeds.record import is_seed_runs
        from clearsight.run.seeds.train import Shown, resume_seeds, train_seeds
        from clearsight.run.train import execute
        from clearsight.training.progress import Progress

    request: TrainRequest | None = None
    shown = Shown(Progress(console), decoding_shown(), lambda plan: _show_plan(plan, console))
    if resume is not None:
        wanted = {
            "epochs": epochs,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "checkpoint_minutes": checkpoint_minutes,
            "data_dir": source_options.data_dir,
            "accept_changes": accept_changes,
            "report": not no_report,
            "bundle": not no_bundle,
        }
        if is_seed_runs(resume):
            with interruption_told():
                show_seeds(resume_seeds(resume, shown, **wanted), console, as_json)
            return
        plan = plan_resumption(resume_request(resume, **wanted), shown.decoding)
    else:
        request = train_request(
            source,
            model=model,
            model_arguments=parse_arguments(model_arg),
            recipe=recipe,
            recipe_arguments=parse_arguments(recipe_arg),
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            validation_split=validation_split,
            seed=seed,
            train_limit=train_limit,
            test_limit=test_limit,
            engine=engine.value,
            precision=precision.value,
            device=device.value,
            out=out,
            no_test=no_test,
            report=not no_report,
            bundle=not no_bundle,
            source_options=source_options,
            **({} if checkpoint_minutes is None else {"checkpoint_minutes": checkpoint_minutes}),
        )
        if seeds is not None:
            if try_next:
                raise RequestError(
                    "--try-next goes on from one training, but --seeds asks for several: leave one "
                    "of them out."
                )
            with interruption_told():
                show_seeds(train_seeds(request, seeds, shown), console, as_json)
            return
        plan = plan_training(request, shown.decoding)
    _show_plan(plan, console)
    with interruption_told():
        run = execute(plan, shown.progress)
    show_results(run, console)
    tried = _try_next(request, run, shown, console) if request and try_next else None
    if as_json:
        print_json({"notes": list(plan.notes), **results_as_json(run, tried)})


def _try_next(request: TrainRequest, run: Run, shown: Shown, console: Console) -> Tried | None:
    """Train once more as the curve calls for, and say whether it helped."""
    from clearsight.run.advise.try_next import compared, plan_next
    from clearsight.run.train import execute

    step = run.next_step
    if step is None or not step.options:
        console.print("\nThe curve calls for no other training.")
        return None
    plan = plan_next(request, run, step, shown.decoding)
    console.print(f"\nTrying it: {step.why}\n")
    _show_plan(plan, console)
    with interruption_told():
        next_run = execute(plan, shown.progress)
    tried = compared(step, plan, run, next_run)
    show_results(next_run, console)
    console.print(f"\n{tried.sentence}")
    return tried


def _check_usage(
    context: typer.Context, source: str | None, resume: Path | None, accept_changes: bool
) -> None:
    if resume is None:
        if accept_changes:
            raise RequestError(
                "--accept-changes should stand with --resume RUN, but no run is resumed: leave it "
                "out."
            )
        if source is None:
            raise RequestError(
                "A source should be named, e.g. `clearsight train fashion-mnist`; "
                "`clearsight data list` shows them."
            )
        return
    allowed = {"resume", "as_json", *_BESIDE_RESUME}
    given = [name for name in context.params if name not in allowed and _was_given(context, name)]
    if given:
        raise RequestError(
            f"A resumed run keeps its options, so that only {', '.join(_BESIDE_RESUME)} may stand "
            f"beside --resume, but {', '.join(given)} was given: leave it out, or train anew."
        )


def _was_given(context: typer.Context, name: str) -> bool:
    origin = context.get_parameter_source(name)
    return origin is not None and origin.name == "COMMANDLINE"


def _show_plan(plan: Plan, console: Console) -> None:
    from clearsight.models.trace import trace_model

    console.print(str(trace_model(plan.model)))
    record, recipe = plan.record, plan.record.recipe
    num_test = len(plan.splits.test) if plan.splits.test is not None else 0
    kept = "sealed in the test set" if record.no_test else "kept for the test"
    epochs = "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"
    console.print(
        f"\n{plan.source_name}: {len(plan.split.train):,} images to train on, "
        f"{len(plan.split.validation):,} to validate on, {num_test:,} {kept}.\n"
        f"{epochs} of batches of {recipe.batch_size}, {recipe.optimizer} with "
        f"learning rate {recipe.learning_rate:g}, {record.precision} on {record.device}, "
        f"seed {record.seed}."
    )
    console.print()
