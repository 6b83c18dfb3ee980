"""``clearsight evaluate``: measure a run's network on its test pictures or on others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clearsight.cli.keras_start import keras_started
from clearsight.cli.options import DataDir
from clearsight.cli.output import AsJson, console_for, print_json


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Measure on this source's test pictures instead."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Measure a run's network on its own test pictures, or on another source's."""
    console = console_for(as_json)
    with keras_started(console):
        from clearsight.run.saved import Run

        score = Run.load(run).evaluate(data, data_dir)
    if as_json:
        print_json(
            {
                "run": str(run),
                "data": data,
                "test_accuracy": score.accuracy,
                "test_correct": score.num_correct,
                "test_count": score.num_images,
                "test_accuracy_interval": [score.interval.low, score.interval.high],
                "test_loss": score.loss,
            }
        )
        return
    loss = "no finite number" if score.loss is None else f"{score.loss:.4f}"
    console.print(
        f"test accuracy {score.accuracy:.3f} (95% interval {score.interval.low:.3f} to "
        f"{score.interval.high:.3f}): {score.num_correct:,} of {score.num_images:,} pictures named "
        f"rightly; test loss {loss}"
    )
