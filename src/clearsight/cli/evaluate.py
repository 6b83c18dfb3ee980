"""``clearsight evaluate``: measure a run's network on its test pictures or on others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clearsight.cli.keras_start import keras_started
from clearsight.cli.output import AsJson, console_for, print_json
from clearsight.cli.source_options import reads_sources

if TYPE_CHECKING:
    from clearsight.data.options import SourceOptions


@reads_sources(chooses_form=False)
def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    data: Annotated[
        str | None,
        typer.Option(metavar="SOURCE", help="Measure on this one's test pictures instead."),
    ] = None,
    as_json: AsJson = False,
    *,
    source_options: SourceOptions,
) -> None:
    """Measure a run's network on its own test pictures, or on another source's."""
    console = console_for(as_json)
    with keras_started(console):
        from clearsight.run.saved import Run

        score = Run.load(run).evaluate(data, source_options)
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
