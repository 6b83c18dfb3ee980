"""``clearsight evaluate``: evaluate a run on its test images or on others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearsight.cli.arguments import RUN, SOURCE
from clearsight.cli.examples import examples
from clearsight.cli.keras_start import loading_keras
from clearsight.cli.output import (
    allow_download_option,
    console_for,
    json_option,
    print_json,
    print_table,
)
from clearsight.cli.request_options import (
    SOURCE_OPTIONS,
    RequestCommand,
    given_options,
)
from clearsight.data.sources.network_options import NETWORK_OPTIONS

if TYPE_CHECKING:
    from clearsight.evaluation.intervals.estimate import Estimate
    from clearsight.evaluation.scores.scores import Scores
    from clearsight.io.console import TextConsole
    from clearsight.run.test_set.evaluation import Evaluation


@click.command(
    cls=RequestCommand,
    requests=(SOURCE_OPTIONS,),
    without=NETWORK_OPTIONS,
    epilog=examples("evaluate latest", "evaluate latest --data digits"),
)
@click.argument("run", type=RUN)
@click.option(
    "--data", metavar="SOURCE", type=SOURCE, help="Use the test images of this source instead."
)
@allow_download_option
@json_option
@click.pass_context
def evaluate(
    context: click.Context, run: Path, data: str | None, allow_download: bool, as_json: bool
) -> None:
    """Evaluate a run on its test images or on another source."""
    console = console_for(as_json)
    with loading_keras(console) as announce:
        from clearsight.evaluation.scores.guessing import by_guessing
        from clearsight.run.store.run import Run
        from clearsight.run.test_set.evaluation import evaluate as evaluate_network

        announce("evaluating on the test images" if data is None else f"evaluating on {data}")
        loaded = Run.load(run, allow_download=allow_download)
        found = evaluate_network(loaded, data, **given_options(context))
    if as_json:
        print_json({"run": str(run), "data": data, **_to_json(found)})
        return
    for note in found.notes:
        console.print(f"Note: {note}")
    scores = found.scores
    loss = "not finite" if scores.log_loss is None else f"{scores.log_loss.value:.4f}"
    console.print(
        f"test accuracy {_value(scores.accuracy)} (95% interval {_interval(scores.accuracy)}; "
        f"{by_guessing(scores.guessing_accuracy)}): "
        f"{scores.num_correct:,} of {scores.num_images:,} images correct; test loss {loss}"
    )
    if found.test_set_uses.sentence:
        console.print(found.test_set_uses.sentence)
    _show_scores(found.scores, console)


def _to_json(found: Evaluation) -> dict[str, Any]:
    scores, interval = found.scores, found.scores.accuracy.interval
    return {
        "test_accuracy": scores.accuracy.value,
        "test_correct": scores.num_correct,
        "test_count": scores.num_images,
        "test_accuracy_interval": interval and [interval.low, interval.high],
        "test_guessing_accuracy": scores.guessing_accuracy,
        "test_loss": scores.log_loss and scores.log_loss.value,
        "test_set_uses": asdict(found.test_set_uses),
        "scores": asdict(found.scores),
        "notes": list(found.notes),
    }


def _show_scores(scores: Scores, console: TextConsole) -> None:
    from clearsight.io.text_table import TextTable

    rows = [(f"top-{top.k} accuracy", top.accuracy) for top in scores.top]
    rows += [
        ("macro precision", scores.macro.precision),
        ("macro recall", scores.macro.recall),
        ("macro F1", scores.macro.f1),
        ("log loss (nats)", scores.log_loss),
        ("Brier score (0 to 2)", scores.brier),
        ("calibration error (ECE)", scores.calibration and scores.calibration.ece),
    ]
    cells = [
        (name, _value(estimate), _interval(estimate), estimate.method.title())
        for name, estimate in rows
        if estimate is not None
    ]
    console.print()
    print_table(TextTable(cells, ("score", "value", "95% interval", "method"), 4), console)
    classes = [
        (
            row.class_name,
            f"{row.num_images:,}",
            *(_with_interval(cell) for cell in (row.precision, row.recall, row.f1)),
        )
        for row in scores.classes
    ]
    console.print()
    print_table(TextTable(classes, ("class", "images", "precision", "recall", "F1")), console)
    console.print()
    console.print("In brackets: Wilson's 95% intervals.")


def _value(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"


def _with_interval(estimate: Estimate) -> str:
    interval = estimate.interval
    if interval is None:
        return "-"
    return f"{_value(estimate)} ({interval.low:.3f}–{interval.high:.3f})"


def _interval(estimate: Estimate) -> str:
    interval = estimate.interval
    return "-" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"
