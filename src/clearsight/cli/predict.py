"""``clearsight predict``: name pictures with a run's network."""

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
def predict(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...",
            help="Picture files, folders, sources, or pictures such as fashion-mnist:test[0:5].",
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show a picture.")] = 1,
    invert: Annotated[
        bool, typer.Option("--invert", help="Turn light into dark and back first.")
    ] = False,
    as_json: AsJson = False,
    *,
    source_options: SourceOptions,
) -> None:
    """Name pictures: the most probable class of each, with its probability."""
    console = console_for(as_json)
    with keras_started(console):
        from clearsight.run.name_pictures import name_pictures
        from clearsight.run.saved import Run

        named = name_pictures(Run.load(run), images, invert=invert, options=source_options)
    best = named.predictions.top(top)
    for warning in named.warnings:
        console_for(as_json=True).print(f"Warning: {warning}")
    if as_json:
        rows = zip(named.names, named.truths, best, strict=True)
        pictures = [
            {
                "image": name,
                "truth": truth,
                "predictions": [{"class": kind, "probability": share} for kind, share in kinds],
            }
            for name, truth, kinds in rows
        ]
        print_json({"run": str(run), "warnings": list(named.warnings), "pictures": pictures})
        return
    name_width = max(len(name) for name in named.names)
    class_width = max(len(kind) for kind in named.predictions.class_names)
    for name, truth, kinds in zip(named.names, named.truths, best, strict=True):
        said = "  ".join(f"{kind:<{class_width}} {share:6.1%}" for kind, share in kinds)
        known = f"  (truth: {truth})" if truth is not None else ""
        console.print(f"{name:<{name_width}}  {said}{known}")
