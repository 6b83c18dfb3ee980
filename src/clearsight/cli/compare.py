"""``clearsight compare``: which run is better on the test pictures that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clearsight.cli.keras_start import keras_started
from clearsight.cli.output import AsJson, console_for, print_json


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Folders of at least two runs.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare the first run with each other one, on the test pictures that they share."""
    console = console_for(as_json)
    with keras_started(console):
        from clearsight.run.comparison import compare_runs

        found = compare_runs(runs)
    rows = [
        {
            "run": str(run.path),
            "test_accuracy": accuracy,
            "fit_seconds": run.results.fit_seconds,
            "num_parameters": run.record.num_parameters,
        }
        for run, accuracy in zip(found.runs, found.accuracies, strict=True)
    ]
    pairs = [
        {
            "first": str(runs[0]),
            "second": str(other),
            "difference": pair.difference,
            "difference_interval": [pair.interval.low, pair.interval.high],
            "only_first": pair.only_first,
            "only_second": pair.only_second,
            "p_value": pair.p_value,
            "num_images_needed": pair.num_images_needed,
            "sentence": pair.sentence(str(runs[0]), str(other)),
        }
        for other, pair in zip(runs[1:], found.against_first, strict=True)
    ]
    counts = {"num_images": found.num_images, "num_left_out": found.num_left_out}
    if as_json:
        print_json({**counts, "runs": rows, "comparisons": pairs})
        return
    console.print(f"{found.num_images:,} test pictures that all runs share")
    if found.num_left_out:
        console.print(
            f"({found.num_left_out:,} more are left out: some run has seen them in training)"
        )
    for row in rows:
        console.print(
            f"{row['run']}  test {row['test_accuracy']:.3f}  {row['fit_seconds']:.1f} s to fit  "
            f"{row['num_parameters']:,} parameters"
        )
    for pair in pairs:
        console.print(str(pair["sentence"]))
